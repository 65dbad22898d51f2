"""Pictures and diagram of the report."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.networks import Builder
from xnorsr.errors import UserError
from xnorsr.flows.diagram import diagram
from xnorsr.flows.facts import RESOURCES
from xnorsr.flows.pictures import cut, high_resolution, photograph, sample_codes, stream_codes
from xnorsr.flows.report import duration, si
from xnorsr.flows.steps.cost import Account, broken
from xnorsr.flows.tiles import Pictures, crop_places, difference, enlarge
from xnorsr.hw.graph.lower import lower
from xnorsr.hw.network import Network
from xnorsr.hw.resources.account import estimate
from xnorsr.hw.resources.fifos import fifo_depths
from xnorsr.hw.resources.folding import aim
from xnorsr.hw.resources.synth import LayerSynthesis, Synthesis
from xnorsr.hw.resources.timing import Timing
from xnorsr.hw.rtl.top import fifo_instance
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


def _branches() -> Network:
    """in -> fork -> sign -> conv -> affine -> add, and fork -> few bits -> add: the short branch waits in a FIFO."""
    b = Builder(4, 5, 8, 0)
    x = b.quant("lr", 12, 8)
    long = b.quant(b.affine(b.binary_conv(b.sign(x), 8, 8, 3), 8), 12, 8)
    short = b.quant(b.node("Sub", [x, b.constant(b.rng.normal(0, 0.5, (1, 8, 1, 1)))]), 3, 1)
    y = b.quant(b.node("Add", [long, short]), 12, 8)
    return lower(b.model(y, 8, 4, 5)).network


def _names(svg: str) -> list[str]:
    return re.findall(r'class="name"[^>]*>([^<]*)<', svg)


def test_diagram_shows_layers_widths_and_fifos() -> None:
    network = _branches()
    svg = diagram(network)
    waiting = max(fifo_depths(network, "rtl").values())
    assert waiting > 5
    for text in ("8 × s12 = 96 bit", "8 × ±1 = 8 bit", f"FIFO {waiting}", *(n.op.describe() for n in network.nodes)):
        assert text in svg
    assert sorted(_names(svg)) == sorted(["input", *(node.name for node in network.nodes)])
    assert svg.count("wire skip") == 2, "around the long branch: into the short one, and out of it"


def test_diagram_follows_the_longest_path_whatever_the_order_of_branches() -> None:
    network = _branches()
    made = diagram(network)
    short = next(n for n in network.nodes if n.op.op_type == "Threshold" and network.readers[n.outputs[0]][1] == 1)
    others = [n for n in network.nodes if n is not short]
    moved = replace(network, nodes=(others[0], short, *others[1:]))
    assert moved.nodes != network.nodes
    assert diagram(moved) == made
    assert _names(made)[-2:] == [short.name, network.nodes[-1].name]


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
    """FIFOs go to the layers that read them, ports and the top to the input; nothing is lost."""
    network = _branches()
    add = network.nodes[-1]
    fifo = fifo_instance(add.inputs[1]).removeprefix("u_")
    rows = ["video_in", *(node.name for node in network.nodes), fifo, "video_out", "xnorsr_top"]
    layers = tuple(LayerSynthesis(n, n, 10**i, 0, 1, 0.5, 0, i, 0, Path()) for i, n in enumerate(rows))
    synthesis = Synthesis("xc7", "Yosys", 1.0, layers, layers[0], Timing("xc7", "", {}))
    made = Account(network, estimate(network), synthesis, aim(network, "min", 200.0)).measured
    assert made is not None
    count = len(network.nodes)
    assert {name: row["lut"] for name, row in made.items()} == {
        "input": 1 + 10 ** (count + 2) + 10 ** (count + 3),
        **{node.name: 10 ** (i + 1) for i, node in enumerate(network.nodes[:-1])},
        add.name: 10**count + 10 ** (count + 1),
    }
    assert sum(row["bram36"] for row in made.values()) == 0.5 * len(rows)
    assert tuple(made["input"]) == RESOURCES


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("head_conv", ["head_conv"]),
        ("fork_blocks_0_first_out_quant_out", ["fork_blocks_0_first_out_", "  quant_out"]),
        ("x" * 30, ["x" * 25, "  " + "x" * 5]),
    ],
)
def test_long_names_break_behind_underscores(name: str, lines: list[str]) -> None:
    assert broken(name, 25).split("\n") == lines
    assert "".join(line.strip() for line in lines) == name
