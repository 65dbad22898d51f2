"""README's tables of networks and schemes say which become hardware: the lowering agrees, for every combination."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

from xnorsr.errors import UserError
from xnorsr.hw.golden import prove
from xnorsr.hw.graph.lower import lower
from xnorsr.quant import zoo
from xnorsr.quant.export import to_qonnx
from xnorsr.quant.schemes import SCHEMES
from xnorsr.quant.zoo import NETWORKS

README = Path(__file__).parents[1] / "README.md"
SMALL = {"channels": 8, "blocks": 1, "groups": 1, "growth": 8, "layers": 2, "depth": 2, "heads": 2, "window": 4}
#: A mean over the frame has no place in linear layers on tokens.
NONE = [("swinir_light", "ebsr"), ("hat_small", "ebsr")]
#: What README's words for a missing operator are called in QONNX.
MISSING = {"attention": "Softmax"}


def _told(heading: str) -> dict[str, str]:
    """Column "becomes hardware" of a table, by name; its first column names one or several."""
    lines = README.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {heading} | trains"))
    found = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        first, _, hardware, *_ = (cell.strip() for cell in line.strip("|").split("|"))
        found |= dict.fromkeys(re.findall(r"`(\w+)`", first), hardware)
    return found


def _cases() -> list[Any]:
    """Every network and every scheme once; the rest of the combinations is exhaustive."""
    names = product(NETWORKS.names(), sorted({*SCHEMES.names()} - {"float"}))
    return [
        pytest.param(n, s, marks=() if n == "srresnet" or s == "w1a1" else pytest.mark.exhaustive)
        for n, s in names
        if (n, s) not in NONE
    ]


@pytest.mark.quick
def test_every_network_and_scheme_is_told() -> None:
    assert set(_told("network")) == set(NETWORKS.names())
    assert set(_told("scheme")) == set(SCHEMES.names())


@pytest.mark.slow
@pytest.mark.parametrize(("network", "scheme"), _cases())
def test_what_becomes_hardware(network: str, scheme: str) -> None:
    torch.manual_seed(1)
    fields = NETWORKS.config_of(network).model_fields
    sizes = {name: size for name, size in SMALL.items() if name in fields}
    model = zoo.build(NETWORKS.validate({"name": network, "scheme": scheme, **sizes})).eval()
    reasons = [told for told in (_told("network")[network], _told("scheme")[scheme]) if not told.startswith("yes")]
    if not reasons:
        assert prove(lower(to_qonnx(model, 3, 8, 8))) > 0
        return
    with pytest.raises(UserError) as refused:
        lower(to_qonnx(model, 3, 8, 8))
    missing = [MISSING[reason.removeprefix("no: ")] for reason in reasons]
    assert any(str(refused.value).partition(" ")[0] in (op, f"{op}:") or op in str(refused.value) for op in missing)


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["frame", "previous"])
def test_constants_that_belong_to_a_frame(pooling: str) -> None:
    """A frame larger than the one that is looked at, where a file's constants hold for its own only."""
    torch.manual_seed(1)
    model = zoo.build(NETWORKS.validate({"name": "srresnet", "scheme": "scales", "channels": 4, "blocks": 1})).eval()
    lowered = lower(to_qonnx(model, 3, 14, 20), pooling=pooling)
    pixels = lowered.input_type.pixels
    assert prove(lowered) > 14 * 20 * 3 == pixels * 3


@pytest.mark.quick
def test_a_float_network_is_not_exported() -> None:
    with pytest.raises(ValueError, match="float"):
        NETWORKS.validate({"name": "srresnet", "scheme": "float"})
