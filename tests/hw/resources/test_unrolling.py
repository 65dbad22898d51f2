"""Which binary layers SystemVerilog unrolls while HLS folds them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.hw.handmade import srresnet
from xnorsr.errors import UserError
from xnorsr.hw.network import Network
from xnorsr.hw.options import BuildOptions
from xnorsr.hw.resources.account import estimate
from xnorsr.hw.resources.cost import Cost
from xnorsr.hw.resources.folding import fold, foldings
from xnorsr.hw.resources.schedule import predict
from xnorsr.hw.resources.unrolling import Unroll, differing, unrolled

BINARY = ["body0", "body1"]


def made(cycles: int | str) -> Network:
    return fold(srresnet(6, 5, 32, 1), cycles)


@pytest.mark.parametrize("cycles", [1, 2, 3, 4, 8, 100])
def test_auto_takes_what_the_account_says(cycles: int) -> None:
    """Layer by layer: the network's own balance is never worse, its frames never come slower, HLS stays as it was."""
    network = made(cycles)
    before = foldings(network)
    rtl = unrolled(network, "auto", cycles)
    assert foldings(network) == before
    wanted = [
        name
        for name in BINARY
        if (op := network.node(name).op).timing("rtl").interval > 1
        and op.replace(pe=32, simd=288).fold_cost().balance < op.fold_cost().balance
    ]
    assert differing(rtl, network) == wanted
    assert predict(rtl).frame_interval <= predict(network).frame_interval
    if wanted:
        a, b = estimate(rtl), estimate(network)
        assert Cost(a.lut, a.ff, a.bram36, a.dsp).balance < Cost(b.lut, b.ff, b.bram36, b.dsp).balance


def test_where_auto_unrolls() -> None:
    """At two cycles per pixel a layer of 32 channels is smaller unrolled; at a hundred it is not; at one it is so."""
    assert differing(unrolled(made(2), "auto", 2), made(2)) == BINARY
    assert differing(unrolled(made(100), "auto", 100), made(100)) == []
    assert differing(unrolled(made(1), "auto", 1), made(1)) == []


def test_what_the_user_says_goes_first() -> None:
    network = made(100)
    for how, chosen in (("never", []), ("all", BINARY), (["body1"], ["body1"]), ([], [])):
        rtl = unrolled(network, how, 100)
        assert differing(rtl, network) == chosen
        assert all(rtl.node(name).op.timing("rtl").interval == 1 for name in chosen)
    # A folding by layer, and the least hardware, are what was asked for.
    given = foldings(made(2))
    assert differing(unrolled(made(2), "auto", given), made(2)) == []
    assert differing(unrolled(made("min"), "auto", "min"), made("min")) == []
    assert differing(unrolled(made(2), "all", given), made(2)) == BINARY


@pytest.mark.parametrize("how", [["tail"], ["body0", "nothing"]])
def test_only_binary_layers_can_be_named(how: Unroll) -> None:
    with pytest.raises(
        UserError, match=rf"unroll: '{how[-1]}' is no layer with binary weights; those are: body0, body1"
    ):
        unrolled(made(4), how, 4)


def test_the_option() -> None:
    assert BuildOptions().unroll == "auto" and BuildOptions(unroll=["body0"]).record()["unroll"] == ["body0"]
    for wrong in ("always", [""], [1], True):
        with pytest.raises(ValidationError):
            BuildOptions.model_validate({"unroll": wrong})
