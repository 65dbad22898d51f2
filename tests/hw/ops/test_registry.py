"""What is registered, and what is refused: every list of operators comes from here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.hw.toys.absolute import FOLDER, Absolute, AbsoluteRewrite, absolute
from tests.networks import Builder
from xnorsr.errors import UserError
from xnorsr.hw.graph.lower import lower
from xnorsr.hw.ops import operators, register, supported_onnx
from xnorsr.hw.ops.base import Op
from xnorsr.hw.ops.registry import IncompleteOperatorError, rewrites, table
from xnorsr.quant.exactness import FEW_BITS, KNOWN_OPERATORS


def test_a_half_written_operator_is_refused_by_what_it_lacks(tmp_path: Path) -> None:
    class Half(Op):
        op_type = "Half"
        summary = "nothing yet"

        def golden(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
            return inputs

    (tmp_path / "hls").mkdir()
    (tmp_path / "hls" / "half.h").touch()
    with pytest.raises(IncompleteOperatorError) as error:
        register(Half, tmp_path)
    text = str(error.value)
    wanted = {name for name in Op.__abstractmethods__ if name != "golden"}
    assert {"timing", "flow", "cost", "kernel", "module", "parameters", "fold_space", "random"} <= wanted
    for name in wanted:
        assert f"method {name};" in text
    for what in ("attribute hardware", "attribute coefficients", "a file rtl/*.sv in", "a rewrite from QONNX"):
        assert what in text
    assert "attribute summary" not in text and "hls/*.h" not in text and "method golden" not in text
    assert "Half" not in operators()


def test_nothing_is_registered_twice() -> None:
    before = operators()
    with absolute():
        with pytest.raises(
            IncompleteOperatorError, match=r"op_type 'Absolute' is registered already.*rewrite 'absolute'"
        ):
            register(Absolute, FOLDER, rewrites=[AbsoluteRewrite()])
        assert operators().keys() - before.keys() == {"Absolute"}
    assert operators() == before


def test_rewrites_come_in_the_order_that_they_ask_for() -> None:
    names = [r.name for r in rewrites()]
    assert len(set(names)) == len(names)
    for rewrite in rewrites():
        for later in rewrite.before:
            assert names.index(rewrite.name) < names.index(later)


def test_rewrites_that_want_to_come_before_each_other_are_refused() -> None:
    class Circular(AbsoluteRewrite):
        name = "circular"
        before = ("threshold",)

    threshold = next(r for r in rewrites() if r.name == "threshold")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(threshold), "before", ("circular",))
        register(Absolute, FOLDER, rewrites=[Circular()])
        try:
            with pytest.raises(IncompleteOperatorError, match="rewrites that are to come before each other"):
                rewrites()
        finally:
            from xnorsr.hw.ops import unregister

            unregister("Absolute")


def _network() -> object:
    b = Builder(4, 4, 3, 0)
    x = b.quant(b.fixed_conv(b.quant("lr", 8, 8, signed=False), 3, 4, 3), 8, 6)
    return b.model(b.quant(b.fixed_conv(b.quant(b.node("Abs", [x]), 7, 6, signed=False), 4, 3, 3), 8, 8), 3, 4, 4)


def test_the_list_of_onnx_operators_follows_the_registry() -> None:
    model = _network()
    with pytest.raises(UserError, match=r"Abs 'Abs_0': this operator is not supported\. Use .*Supported: Add, Average"):
        lower(model)  # type: ignore[arg-type]
    with absolute():
        assert "Abs" in supported_onnx()
        assert [n.op.op_type for n in lower(model).network.nodes].count("Absolute") == 1  # type: ignore[arg-type]
    assert "Abs" not in supported_onnx()


def test_training_knows_what_hardware_knows() -> None:
    """quant cannot import hw, so its analysis has a list of its own: it may know more, and less only where no layer of
    ours makes an operator: such a network of somebody else's is refused by name when it is exported with our command.
    """
    from xnorsr.hw.graph import chains
    from xnorsr.hw.graph.functions import FUNCTIONS

    others = {*FUNCTIONS, "Clip", "Min", "Max", "ReduceMean", "Expand", "Tile"}
    others |= {"SpaceToDepth", "MaxPool", "AveragePool", "Gather", "Slice", "Split"}
    assert set(supported_onnx()) - others <= set(KNOWN_OPERATORS)
    assert FEW_BITS == chains.FEW_BITS


@pytest.mark.parametrize("file", ["README.md", "docs/architecture.md"])
def test_the_table_in_the_texts_is_the_registry_s(file: str) -> None:
    """Made with: python -m xnorsr.hw.ops.registry"""
    text = (Path(__file__).parents[3] / file).read_text()
    assert table() in text, f"{file}: put the output of `python -m xnorsr.hw.ops.registry` there"
