"""The networks of docs/examples/default_quantizers.py: built without an option, equal to their own QONNX execution."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import pytest
from torch import nn

from tests import foreign
from xnorsr.errors import UserError
from xnorsr.hw.golden import prove
from xnorsr.hw.graph.lower import lower
from xnorsr.sim.conversion import effect

FRAME = (8, 12)
NETWORKS = foreign.DEFAULTS.NETWORKS
#: Operators that each has, beside convolutions.
HAS = {
    "espcn_w4a4": {"Threshold", "PixelShuffle"},
    "espcn_w8a8": {"Pieces", "PixelShuffle"},
    "fsrcnn_w8a8": {"Pieces", "PixelShuffle"},
    "ecbsr": {"Select", "Add", "PixelShuffle"},
    "e2fif": {"Threshold", "Add", "PixelShuffle"},
    "bbcu": {"Threshold", "Add", "PixelShuffle"},
    "unet": {"PixelUnshuffle", "Maximum", "Concat", "PixelShuffle"},
    "deep_per_tensor": {"Threshold", "Add", "PixelShuffle"},
    "deep_per_channel": {"Threshold", "Add", "PixelShuffle"},
}
#: Binary convolutions of each that has any.
BINARY = {"e2fif": 3, "bbcu": 3, "deep_per_tensor": 11, "deep_per_channel": 11}
#: What takes longest and adds least.
LONG = ("deep_per_tensor",)


def model_of(net: nn.Module, seed: int = 0) -> onnx.ModelProto:
    """The file of a network as after training, by Brevitas's own export."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return foreign.exported(foreign.DEFAULTS.as_trained(net, seed, FRAME), FRAME)


@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.exhaustive] * (n in LONG)) for n in NETWORKS])
def test_built_without_an_option(name: str) -> None:
    """Integers equal the file's execution on every stream, and the file's own codes at the output: none differs."""
    model = model_of(NETWORKS[name]())
    lowered = lower(model)
    assert prove(lowered) > 0
    found = effect(model, lowered)
    assert found.codes >= 1152
    assert found.changed == 0
    ops = [node.op for node in lowered.network.nodes]
    assert {op.op_type for op in ops} >= {"Conv", *HAS[name]}
    assert sum(getattr(op, "binary", False) for op in ops) == BINARY.get(name, 0)


def test_weights_of_floats_are_refused_by_name() -> None:
    """Ends that nothing quantized, as published binary networks have them."""
    model = model_of(foreign.DEFAULTS.deep(None, channels=4, depth=1))
    message = (
        r"Conv '/1/Conv': its weight is no fixed point of at most 18 bits\. Give the layer a weight quantizer.*Int8We"
    )
    with pytest.raises(UserError, match=message):
        lower(model)


@pytest.mark.slow
def test_one_quantizer_each_for_what_is_joined() -> None:
    """Codes of different scales side by side: rounded to a common one, and the change is told."""
    model = model_of(foreign.unet())
    lowered = lower(model)
    assert prove(lowered) > 0
    assert sum("its inputs have different scales; they are rounded to 1/16" in one for one in lowered.changes) == 2
    found = effect(model, lowered)
    assert 0 < found.changed < found.codes / 20 and found.largest == 1


@pytest.mark.slow
def test_the_program_writes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "net.onnx"
    foreign.DEFAULTS.main("espcn_w4a4", str(file), 6, 10)
    assert capsys.readouterr().out.endswith(f"wrote {file}\n")
    assert lower(file).input_type.shape == (6, 10, 3)
