"""Which layers have constant weights in SystemVerilog while HLS folds them."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from tests.hw.handmade import Net, srresnet
from xnorsr.errors import UserError
from xnorsr.hw.network import Network
from xnorsr.hw.ops.conv import Conv
from xnorsr.hw.options import BuildOptions
from xnorsr.hw.resources.account import estimate
from xnorsr.hw.resources.cost import Cost
from xnorsr.hw.resources.devices import device
from xnorsr.hw.resources.folding import fold, foldings
from xnorsr.hw.resources.schedule import predict
from xnorsr.hw.resources.unrolling import ROOM, Unroll, differing, unrolled

BINARY = ["body0", "body1"]


def folded(cycles: int | str) -> Network:
    return fold(srresnet(6, 5, 32, 1), cycles)


@pytest.mark.parametrize("cycles", [1, 2, 3, 4, 8, 100])
def test_auto_takes_what_the_account_says(cycles: int) -> None:
    """Layer by layer: the network's own balance is never worse, its frames never come slower, HLS stays as it was."""
    network = folded(cycles)
    before = foldings(network)
    rtl = unrolled(network, "auto", cycles)
    assert foldings(network) == before
    choices = {n.name: (n.op, op) for n in network.nodes if (op := n.op.constant_weights()) is not None}
    assert set(choices) >= ({"head", "tail"} if cycles == 1 else {"head", "tail", *BINARY})
    costs = {name: (a.fold_cost(), b.fold_cost()) for name, (a, b) in choices.items()}
    wanted = [name for name, (a, b) in costs.items() if b.balance < a.balance and b.dsp == a.dsp]
    assert differing(rtl, network) == wanted
    assert predict(rtl).frame_interval <= predict(network).frame_interval
    if wanted:
        a, b = estimate(rtl), estimate(network)
        assert Cost(a.lut, a.ff, a.bram36, a.dsp).balance < Cost(b.lut, b.ff, b.bram36, b.dsp).balance


def test_where_auto_unrolls() -> None:
    """At two cycles per pixel a layer of 32 channels is smaller unrolled; at a hundred it is not; at one it is so.
    Narrow products, which take no DSP slices, are look-up tables either way: there are fewer with constant weights.
    """
    assert differing(unrolled(folded(2), "auto", 2), folded(2)) == ["head", *BINARY]
    assert not set(BINARY) & set(differing(unrolled(folded(100), "auto", 100), folded(100)))
    assert not set(BINARY) & set(differing(unrolled(folded(1), "auto", 1), folded(1)))


def wide_ends(cycles: int) -> Network:
    """With a head and a tail of 8-bit weights: products that take DSP slices."""
    net = Net(6, 5)
    for name, x, outputs in (("head", "input", 16), ("middle", "head", 16), ("tail", "middle", 12)):
        net.conv(name, x, outputs)
        op = net.steps[-1][1]
        assert isinstance(op, Conv)
        weight = np.random.default_rng(7).integers(-100, 100, op.weight.shape)
        # an output of 16 bits is too narrow for some inputs; nothing is executed here
        net.steps[-1] = (name, op.replace(weight=weight, weight_bits=8), *net.steps[-1][2:])
    return fold(net.network(), cycles)


def test_slices_that_a_part_has_too_few_of() -> None:
    """None changes where half of the slices stay free or the part is unknown; else the cheapest ones go first, as many
    as it takes, and the fullest resource is never fuller.
    """
    network = wide_ends(4)
    before = estimate(network)
    assert before.dsp > 0 and differing(unrolled(network, "auto", 4), network) == []
    counts = []
    for part in ("xcvu9p", "xck26", "xc7a100t", "xc7z020", "xc7z010"):
        chip, rtl = device(part), unrolled(network, "auto", 4, part)
        after, changed = estimate(rtl, part=part), differing(rtl, network)
        counts.append(len(changed))
        assert (not changed) == (before.dsp <= ROOM * chip.dsp)
        if changed:
            full = max(after.utilisation[key] for key in ("lut", "ff", "dsp"))
            assert full < before.dsp / chip.dsp and after.dsp < before.dsp
            assert all(rtl.node(name).op.cost().dsp == 0 for name in changed)
            assert predict(rtl).frame_interval <= predict(network).frame_interval
    assert counts[0] == 0 < counts[-1] and counts == sorted(counts)


def test_what_the_user_says_goes_first() -> None:
    network = folded(100)
    everything = ["head", *BINARY, "tail"]
    for how, chosen in (("never", []), ("all", everything), (["body1"], ["body1"]), ([], [])):
        rtl = unrolled(network, how, 100)
        assert differing(rtl, network) == chosen
        assert all(rtl.node(name).op.timing("rtl").interval == 1 for name in chosen if name in BINARY)
    # A folding by layer, and the least hardware, are what was asked for.
    given = foldings(folded(2))
    assert differing(unrolled(folded(2), "auto", given), folded(2)) == []
    assert differing(unrolled(folded("min"), "auto", "min"), folded("min")) == []
    assert differing(unrolled(folded(2), "all", given), folded(2)) == everything


@pytest.mark.parametrize("how", [["add0"], ["body0", "nothing"]])
def test_only_layers_with_the_choice_can_be_named(how: Unroll) -> None:
    text = f"unroll: '{how[-1]}' is no layer with this choice; those with it are: head, body0, body1, tail"
    with pytest.raises(UserError, match=text):
        unrolled(folded(4), how, 4)


def test_the_option() -> None:
    assert BuildOptions().unroll == "auto" and BuildOptions(unroll=["body0"]).record()["unroll"] == ["body0"]
    for wrong in ("always", [""], [1], True):
        with pytest.raises(ValidationError):
            BuildOptions.model_validate({"unroll": wrong})
