"""Ways out of PyTorch: each ONNX opset, torch's two exporters, Brevitas's and hls4ml's calls give one network."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from brevitas.export import export_qonnx
from hls4ml.converters import convert_from_onnx_model
from torch import nn

from tests import foreign
from xnorsr.errors import UserError
from xnorsr.hw.golden import run
from xnorsr.hw.graph.lower import Lowered, lower
from xnorsr.hw.hls.plugin.graph import network_of
from xnorsr.hw.network import Network

FRAME = (5, 6)
OPSETS = range(13, 21)


class Skipped(nn.Module):
    """Default quantizers, float scales, a sum, slopes, a selection, a shuffle."""

    def __init__(self) -> None:
        super().__init__()
        self.picture, self.residual = foreign.picture_in(), foreign.identity()
        self.body = nn.Sequential(foreign.conv(3, 4), nn.BatchNorm2d(4), nn.PReLU(4), foreign.identity())
        self.tail, self.out = foreign.conv(4, 12), nn.Sequential(nn.PixelShuffle(2), foreign.relu())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.picture(x)
        return self.out(self.residual(self.tail(self.body(x))) + x.repeat_interleave(4, dim=1))


@pytest.fixture(scope="module")
def net() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return foreign.calibrated(Skipped(), frame=FRAME)


def _shape(network: Network) -> list[tuple[object, ...]]:
    """Operators and types of all streams, without the names that exporters choose."""
    return [(node.op.op_type, node.op.inputs, node.op.outputs) for node in network.nodes]


def _codes(network: Network) -> np.ndarray:
    return run(network, foreign.codes_for(FRAME))[network.outputs[0]]


@pytest.fixture(scope="module")
def wanted(net: nn.Module) -> Lowered:
    return lower(foreign.exported(net, FRAME, opset_version=17))


def _same(model: onnx.ModelProto | Path, wanted: Lowered) -> None:
    found = lower(model)
    assert _shape(found.network) == _shape(wanted.network)
    np.testing.assert_array_equal(_codes(found.network), _codes(wanted.network))


@pytest.mark.slow
@pytest.mark.parametrize("opset", OPSETS)
def test_each_opset(opset: int, net: nn.Module, wanted: Lowered) -> None:
    model = foreign.exported(net, FRAME, opset_version=opset)
    assert [o.version for o in model.opset_import if not o.domain] == [opset]
    _same(model, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("opset", [pytest.param(18, marks=pytest.mark.exhaustive), 20])
def test_the_exporter_that_torch_prefers(opset: int, net: nn.Module, wanted: Lowered) -> None:
    """dynamo=True: constants are initializers, other names, a graph that it simplified."""
    model = foreign.exported(net, FRAME, dynamo=True, opset_version=opset)
    assert not model.functions and "Constant" not in {n.op_type for n in model.graph.node}
    _same(model, wanted)


@pytest.mark.slow
def test_defaults_of_brevitas_to_a_file(net: nn.Module, wanted: Lowered, tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    export_qonnx(net, args=torch.zeros(1, 3, *FRAME), export_path=str(file))
    _same(file, wanted)


@pytest.mark.slow
def test_hls4ml(net: nn.Module, wanted: Lowered, tmp_path: Path) -> None:
    options = {"backend": "XnorVitis", "io_type": "io_stream", "folding": "full"}
    made = convert_from_onnx_model(foreign.exported(net, FRAME), output_dir=str(tmp_path), **options)
    assert _shape(network_of(made)) == _shape(wanted.network)
    np.testing.assert_array_equal(_codes(network_of(made)), _codes(wanted.network))


@pytest.mark.parametrize("dynamo", [False, pytest.param(True, marks=pytest.mark.exhaustive)])
def test_torch_alone_is_refused(dynamo: bool, net: nn.Module) -> None:
    """torch.onnx.export writes a quantizer as arithmetic: the message says what writes a Quant."""
    file = io.BytesIO()
    torch.onnx.export(net, (torch.zeros(1, 3, *FRAME),), file, dynamo=dynamo)
    with pytest.raises(UserError, match=r"Round '\S+': this operator is not supported\..*export_qonnx"):
        lower(onnx.load_from_string(file.getvalue()))


def test_data_beside_the_file_are_refused(net: nn.Module, tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    onnx.save_model(foreign.exported(net, FRAME), file, save_as_external_data=True, size_threshold=0)
    with pytest.raises(UserError, match=r"its data stand in another file.*export_qonnx, .*external_data=False"):
        lower(file)
