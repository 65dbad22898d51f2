"""Pictures and diagram of the report."""

from __future__ import annotations

import numpy as np
import pytest

from xnorsr.errors import UserError
from xnorsr.flows.diagram import diagram
from xnorsr.flows.pictures import cut, high_resolution, photograph, sample_codes, stream_codes
from xnorsr.flows.report import Pictures, by_layer, crop_places, difference, duration, enlarge, si
from xnorsr.hw.graph.ops import Residual, Threshold
from xnorsr.hw.resources.view import Stage
from xnorsr.hw.types import StreamType
from xnorsr.quant.data.images import Photo

pytestmark = pytest.mark.quick


def test_crops_show_the_detail_and_do_not_overlap() -> None:
    image = np.full((200, 300, 3), 128, np.uint8)
    rng = np.random.default_rng(2)
    spots = [(16, 16), (120, 200)]
    for y, x in spots:
        image[y : y + 40, x : x + 40] = rng.integers(0, 256, (40, 40, 3))
    places = crop_places(Pictures(image[::2, ::2], image, image, image), count=2, side=48)
    found = {min(spots, key=lambda s: abs(s[0] - y) + abs(s[1] - x)) for y, x, _ in places}
    assert found == set(spots)
    for y, x, side in places:
        assert any(abs(s[0] - y) < side and abs(s[1] - x) < side for s in spots)


@pytest.mark.parametrize("shape", [(6, 8, 3), (6, 8, 1), (40, 200, 3)])
def test_crops_of_small_pictures_stay_inside(shape: tuple[int, int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    places = crop_places(Pictures(image[::2, ::2], image, image, image))
    assert places
    for y, x, side in places:
        assert y + side <= shape[0]
        assert x + side <= shape[1]


def test_difference_is_amplified_and_clipped() -> None:
    a, b = np.array([[[10], [0], [200]]], np.uint8), np.array([[[7], [0], [100]]], np.uint8)
    assert difference(a, b).ravel().tolist() == [24, 0, 255]
    assert difference(b, a).ravel().tolist() == [24, 0, 255]


def test_enlarge() -> None:
    image = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    assert enlarge(image, 2)[..., 0].tolist()[0] == [0, 0, 1, 1, 2, 2]
    assert enlarge(image, 2).shape == (4, 6, 1)


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (999, "999"), (1234, "1.23 k"), (5.6e6, "5.6 M"), (7.89e9, "7.89 G"), (2e12, "2 T")]
)
def test_si(value: float, text: str) -> None:
    assert si(value) == text


def test_duration() -> None:
    assert duration(3.14159) == "3.1 s"
    assert duration(125.4) == "2 min 5 s"


def _skipping() -> list[Stage]:
    """in -> fork -> sign -> add, and fork -> add: the skip waits in a FIFO."""
    wide = StreamType(4, 5, 8, 12, True, 8)
    bits = StreamType(4, 5, 8, 1, False, 0, bipolar=True)
    sign = Threshold((wide,), bits, np.zeros((8, 1), np.int64), np.ones(8, np.int64), 0)
    add = Residual((bits, wide), wide, 0, 0, None)
    return [
        Stage("in", "input", None, (), (), wide, ("x",)),
        Stage("fork", "fork", None, ("in",), ("x",), wide, ("x0", "x1")),
        Stage("sign", "op", sign, ("fork",), ("x0",), bits, ("s",)),
        Stage("add<1>", "op", add, ("sign", "fork"), ("s", "x1"), wide, ("y",), True),
    ]


def test_diagram_shows_layers_widths_and_fifos() -> None:
    svg = diagram(_skipping(), {("x1", "add<1>"): 37})
    for text in ("sign(x − t) per channel", "8 × s12 = 96 bit", "8 × ±1 = 8 bit", "FIFO 37", "add&lt;1&gt;"):
        assert text in svg
    assert "add<1>" not in svg
    assert svg.count('class="box') == 4
    assert svg.count("wire skip") == 1


def test_diagram_follows_the_longest_path_whatever_the_order_of_branches() -> None:
    source, fork, sign, add = _skipping()
    wide = source.output
    act = Stage("act", "op", add.op, ("sign", "sign"), ("s", "s"), wide, ("a",))
    side = Stage("side", "op", sign.op, ("fork",), ("x1",), sign.output, ("t",))
    last = Stage("last", "op", add.op, ("act", "side"), ("a", "t"), wide, ("y",), True)
    one = diagram([source, fork, sign, act, side, last], {})
    assert diagram([source, fork, side, sign, act, last], {}) == one
    assert [one.index(f">{name}</text>") for name in ("sign", "act", "side", "last")] == sorted(
        one.index(f">{name}</text>") for name in ("sign", "act", "side", "last")
    )


def test_photographs() -> None:
    assert photograph("chelsea").pixels.shape == (300, 451, 3)
    with pytest.raises(UserError, match="image nosuch does not exist, and no embedded photograph is called so: astro"):
        photograph("nosuch")
    photo = Photo("p", np.arange(7 * 9 * 3, dtype=np.uint8).reshape(7, 9, 3))
    assert high_resolution(photo, 2, None).pixels.shape == (6, 8, 3)
    np.testing.assert_array_equal(high_resolution(photo, 2, (3, 2)).pixels, photo.pixels[1:5, 1:7])
    with pytest.raises(UserError, match="image p has 9 x 7 pixels, too few to cut 10 x 4 out of its middle"):
        high_resolution(photo, 2, (5, 2))
    assert cut(photo.pixels, 9, 7, "p").shape == (7, 9, 3)


def test_codes_for_a_stream() -> None:
    rgb, grey = StreamType(2, 3, 3, 8, False, 8), StreamType(2, 3, 1, 8, False, 8)
    colour = Photo("c", np.full((2, 3, 3), (255, 255, 255), np.uint8))
    assert stream_codes(colour, rgb).tolist() == [[[255] * 3] * 3] * 2
    assert stream_codes(colour, grey).tolist() == [[[235]] * 3] * 2
    with pytest.raises(UserError, match="image g is grey, the network takes RGB"):
        stream_codes(Photo("g", np.zeros((2, 3), np.uint8)), rgb)
    with pytest.raises(UserError, match="the network's input has 3 channels of 8 signed bits"):
        stream_codes(colour, StreamType(2, 3, 3, 8, True, 8))


@pytest.mark.parametrize(("height", "width"), [(5, 7), (400, 10), (10, 700)])
def test_sample_fits_any_frame(height: int, width: int) -> None:
    codes = sample_codes(StreamType(height, width, 3, 8, False, 8), 2)
    assert codes.shape == (height, width, 3)
    assert codes.std() > 5


def test_synthesized_rows_count_as_the_estimate_counts() -> None:
    """FIFOs go to their readers (the longest name that fits), ports and the top to the input; nothing is lost."""
    names = ["lr", "conv", "up.conv", "add"]
    rows = [
        "video_in",
        "conv",
        "up_conv",
        "fifo_lr_cpy2_to_add",
        "fifo_conv_to_up_conv",
        "add",
        "video_out",
        "xnorsr_top",
    ]
    synth = {
        "layers": [{"name": n, "lut": 10**i, "ff": 1, "bram36": 0.5, "dsp": i, "bits": 0} for i, n in enumerate(rows)]
    }
    made = by_layer(synth, names)
    assert {name: row["lut"] for name, row in made.items()} == {
        "lr": 11_000_001,
        "conv": 10,
        "up.conv": 10_100,
        "add": 101_000,
    }
    assert sum(row["bram36"] for row in made.values()) == 4 and list(made["lr"]) == ["lut", "ff", "bram36", "dsp"]
