"""What makes a frame smaller, and parts of the channels: lowered, against the execution of the file."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests import foreign
from tests.gated import integers
from tests.networks import Builder
from xnorsr.errors import UserError
from xnorsr.hw.golden import prove
from xnorsr.hw.graph.lower import lower
from xnorsr.hw.ops.base import Op

SEED = 7


def _ops(model: onnx.ModelProto, kind: str) -> list[Op]:
    """The operators of one kind of a lowered network that computes what the file computes."""
    lowered = lower(model)
    assert prove(lowered) > 0
    return [node.op for node in lowered.network.nodes if node.op.op_type == kind]


def _model(b: Builder, x: str) -> onnx.ModelProto:
    model = b.model(b.quant(x, 8, 4), 1, 1, 1)
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    return model


def _picture(b: Builder) -> str:
    return b.quant("lr", 8, 8, signed=False)


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_space_to_depth(factor: int) -> None:
    b = Builder(6, 12, 3, SEED)
    found = _ops(_model(b, b.node("SpaceToDepth", [_picture(b)], blocksize=factor)), "PixelUnshuffle")
    assert [op.mode for op in found] == ["DCR"] * (factor > 1)  # type: ignore[attr-defined]


def test_signs_are_unshuffled_and_selected() -> None:
    b = Builder(6, 8, 3, SEED)
    x = b.node("SpaceToDepth", [b.threshold(_picture(b), 3)], blocksize=2)
    x = b.node("Gather", [x, integers(b, 11, 0, 5, 5)], axis=1)
    x = b.binary_conv(b.node("MaxPool", [x], kernel_shape=[1, 1]), 4, 3, 3)
    (unshuffle,) = _ops(_model(b, x), "PixelUnshuffle")
    assert unshuffle.output.bipolar


class _Form(nn.Module):
    def __init__(self, form: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.head, self.form, self.tail = foreign.picture_in(), form, foreign.relu()

    def forward(self, x: Tensor) -> Tensor:
        return self.tail(self.form(self.head(x)))


def _shuffled_channels(x: Tensor) -> Tensor:
    wide = x.repeat(1, 2, 1, 1)
    return wide.view(-1, 2, 3, *x.shape[2:]).transpose(1, 2).reshape(-1, 6, *x.shape[2:])


def _nearest(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return x[:, :, :, None, :, None].expand(n, c, h, 2, w, 2).reshape(n, c, h * 2, w * 2)


#: Forms of PyTorch, and the operators that they become, one or more of each in a row.
FORMS: dict[str, tuple[Callable[[Tensor], Tensor], list[str]]] = {
    "unshuffle": (lambda x: F.pixel_unshuffle(x, 2), ["PixelUnshuffle"]),
    "unshuffle and parts": (lambda x: F.pixel_unshuffle(x, 2)[:, [1, 0, 11]], ["PixelUnshuffle", "Select"]),
    "shuffle": (lambda x: F.pixel_shuffle(x.repeat(1, 4, 1, 1), 2), ["Select", "PixelShuffle"]),
    "repeat_interleave": (lambda x: x.repeat_interleave(3, dim=1), ["Select"]),
    "expand": (lambda x: x.unsqueeze(2).expand(-1, 3, 4, *x.shape[2:]).flatten(1, 2), ["Select"]),
    "shuffled channels": (_shuffled_channels, ["Select"]),
    "split": (lambda x: torch.cat(torch.split(x, [1, 2], 1)[::-1], 1), ["Fork", "Select", "Concat"]),
    "one of a split": (lambda x: torch.split(x, 2, 1)[1], ["Select"]),
    "chunk": (lambda x: torch.cat(torch.chunk(x, 3, 1)[1:], 1), ["Fork", "Select", "Concat"]),
    "slice": (lambda x: x[:, :2], ["Select"]),
    "index": (lambda x: x[:, [2, 0]], ["Select"]),
    "one channel": (lambda x: torch.stack([x[:, 0], x[:, 2]], 1), ["Fork", "Select", "Concat"]),
    "one channel for all": (lambda x: x[:, :1].expand(-1, 4, -1, -1), ["Select", "Broadcast"]),
    "nearest": (_nearest, ["Select", "PixelShuffle"]),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "opset"),
    [(name, 20) for name in FORMS] + [(name, 9) for name in ("unshuffle", "shuffle", "split", "expand")],
)
def test_forms_of_pytorch(name: str, opset: int) -> None:
    """At the file's frame, and at another one although Reshapes tell sizes in pixels."""
    form, wanted = FORMS[name]
    model = foreign.exported(foreign.calibrated(_Form(form)), opset_version=opset)
    for frame in (None, (6, 4)):
        lowered = lower(model, frame=frame)
        assert prove(lowered) > 0
        found = [n.op.op_type for n in lowered.network.nodes if n.op.op_type != "Pieces"]
        assert [kind for kind, _ in groupby(found)] == wanted


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation", "group"),
    [(3, 2, 1, 1, 1), (3, 2, 1, 1, 3), (5, 2, 2, 1, 1), (2, 2, 0, 1, 1), (4, 2, 1, 1, 3), (1, 2, 0, 1, 1),
     (3, 3, 0, 1, 1), (7, 4, 3, 1, 1), (3, 2, 2, 2, 1), (9, 2, 4, 1, 1)],
)  # fmt: skip
@pytest.mark.parametrize("binary", [False, True], ids=["fixed", "binary"])
def test_strided_convolutions(kernel: int, stride: int, padding: int, dilation: int, group: int, binary: bool) -> None:
    b = Builder(12, 24, 3, SEED)
    values = b.constant(b.rng.normal(0, 0.4, (6, 3 // group, kernel, kernel)))
    weight = b.sign(values, 0.3) if binary and group == 1 else b.quant(values, 6, 4)
    x = b.threshold(_picture(b), 3) if binary else _picture(b)
    x = b.node(
        "Conv", [x, weight, b.constant(np.arange(6) / 4)], group=group, strides=[stride] * 2, pads=[padding] * 4,
        dilations=[dilation] * 2,
    )  # fmt: skip
    (conv,) = _ops(_model(b, x), "Conv")
    assert (conv.output.height, conv.output.width) == (12 // stride, 24 // stride)
    assert conv.input.channels == 3 * stride**2


def test_a_binary_kernel_with_a_tap_in_each_phase_stays_binary() -> None:
    b = Builder(6, 8, 4, SEED)
    weight = b.sign(b.constant(b.rng.normal(size=(5, 4, 2, 2))))
    x = b.node("Conv", [b.threshold(_picture(b), 4), weight], strides=[2, 2])
    (conv,) = _ops(_model(b, x), "Conv")
    assert conv.binary  # type: ignore[attr-defined]
    b = Builder(6, 8, 4, SEED)
    weight = b.sign(b.constant(b.rng.normal(size=(5, 4, 3, 3))))
    x = b.node("Conv", [b.threshold(_picture(b), 4), weight], strides=[2, 2], pads=[1] * 4)
    (conv,) = _ops(_model(b, x), "Conv")
    assert not conv.binary and set(np.unique(conv.weight)) == {-1, 0, 1}  # type: ignore[attr-defined]


@pytest.mark.parametrize("side", [1, 2, 3, 4])
@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
def test_pools(operator: str, side: int) -> None:
    b = Builder(12, 24, 3, SEED)
    x = b.quant(b.fixed_conv(_picture(b), 3, 4, 3), 6, 4)
    x = b.node(operator, [x], kernel_shape=[side] * 2, strides=[side] * 2)
    found = _ops(_model(b, x), "Maximum" if operator == "MaxPool" else "PixelUnshuffle")
    assert len(found) == (side > 1)


@pytest.mark.slow
def test_a_max_pool_moves_behind_the_quantizer() -> None:
    """Floats in front of a pool, its Quant behind it: a ReLU and a Quant never fall where their input rises."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Sequential(foreign.picture_in(), foreign.conv(3, 4), nn.BatchNorm2d(4))
            self.tail = nn.Sequential(nn.MaxPool2d(2), foreign.relu(), foreign.conv(4, 3), foreign.relu())

        def forward(self, x: Tensor) -> Tensor:
            return self.tail(self.head(x))

    lowered = lower(foreign.exported(foreign.calibrated(Net())))
    assert prove(lowered) > 0
    assert [n.op.op_type for n in lowered.network.nodes] == [
        "Conv", "Pieces", "PixelUnshuffle", "Maximum", "Conv", "Pieces",
    ]  # fmt: skip


def _conv(b: Builder, x: str, **attributes: object) -> str:
    side = int(attributes.pop("side", 3))  # type: ignore[call-overload]
    return b.node("Conv", [x, b.quant(b.constant(np.ones((3, 3, side, side))), 6, 2)], **attributes)


CASES: list[tuple[Callable[[Builder, str], str], str]] = [
    (
        lambda b, x: b.node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2]),
        r"MaxPool 'MaxPool_0': windows of 2 x 2, stride \[2, 2\], pads \[0, 0, 0, 0\], dilations \[1, 1\], of a "
        "frame of 7 x 6 pixels; allowed are square windows side by side",
    ),
    (
        lambda b, x: b.node("MaxPool", [x], kernel_shape=[3, 3], strides=[1, 1], pads=[1] * 4),
        r"MaxPool 'MaxPool_0': windows of 3 x 3, stride \[1, 1\], pads \[1, 1, 1, 1\]",
    ),
    (
        lambda b, x: b.node("AveragePool", [x], kernel_shape=[2, 7], strides=[2, 7]),
        r"AveragePool 'AveragePool_0': windows of 2 x 7, stride \[2, 7\].*use GlobalAveragePool for a mean over",
    ),
    (
        lambda b, x: _conv(b, x, strides=[2, 2], pads=[1] * 4),
        r"Conv 'Conv_0': stride 2 on a frame of 7 x 6 pixels; allowed are frames whose sides 2 divides.*--frame WxH",
    ),
    (
        lambda b, x: _conv(b, x, strides=[2, 1], pads=[1] * 4),
        r"Conv 'Conv_0': strides \[2, 1\], auto_pad NOTSET; allowed is one stride along both axes",
    ),
    (
        lambda b, x: b.node("Gather", [x, integers(b, 1, 0)], axis=2),
        r"Gather 'Gather_0': supported is a part of the channels, axis 1, whose numbers are constants",
    ),
    (
        lambda b, x: b.node("Slice", [x, integers(b, 0), integers(b, 4), integers(b, 3)]),
        r"Slice 'Slice_0': supported is a part of the channels.*Rows and columns stay whole",
    ),
]


@pytest.mark.parametrize(("make", "message"), CASES)
def test_refused_by_name(make: Callable[[Builder, str], str], message: str) -> None:
    b = Builder(6, 7, 3, SEED)
    with pytest.raises(UserError, match=message):
        lower(_model(b, make(b, _picture(b))))


def test_a_stride_without_its_padding_is_refused() -> None:
    b = Builder(6, 8, 3, SEED)
    message = r"Conv 'Conv_0': from 8 x 6 to 3 x 2 pixels; allowed are 4 x 3, the input by the stride.*kernel_size // 2"
    with pytest.raises(UserError, match=message):
        lower(_model(b, _conv(b, _picture(b), strides=[2, 2])))
    b = Builder(24, 36, 3, SEED)
    with pytest.raises(
        UserError, match=r"a kernel of 19 x 19 at stride 2 sees 11 blocks of 2 x 2 pixels.*allowed are 9"
    ):
        lower(_model(b, _conv(b, _picture(b), side=19, strides=[2, 2], pads=[9] * 4)))


def test_a_frame_that_does_not_divide_is_refused() -> None:
    """A frame that is asked for, of a file whose own would do."""
    net = foreign.calibrated(_Form(lambda x: F.pixel_unshuffle(x, 2)))
    with pytest.raises(UserError, match=r"SpaceToDepth '\S+': blocks of 2 x 2 of a frame of 9 x 8 pixels.*--frame WxH"):
        lower(foreign.exported(net), frame=(8, 9))
