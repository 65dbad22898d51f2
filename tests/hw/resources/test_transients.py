"""Skips that hold more while a frame comes in than at the pace of the slowest layer."""

from __future__ import annotations

import pytest
import torch

from xnorsr.hw.graph.lower import lower
from xnorsr.hw.network import Network
from xnorsr.hw.resources.fifos import balanced_fifos, fifo_depths
from xnorsr.hw.resources.folding import fold
from xnorsr.hw.resources.transients import with_room
from xnorsr.quant import zoo
from xnorsr.quant.export import to_qonnx

EDSR = {"name": "edsr", "scheme": {"name": "bnn", "act_bits": 2}, "channels": 4, "blocks": 2}


def _network(folding: int | str) -> Network:
    torch.manual_seed(108)
    model = zoo.randomize(zoo.build(zoo.NETWORKS.validate(EDSR)), 108).eval()
    return fold(lower(to_qonnx(model, 3, 6, 6)).network, folding)


@pytest.mark.slow
def test_the_second_of_two_equal_blocks_holds_more() -> None:
    """Equal blocks are balanced alike; in front of the second one stand layers that a frame comes through faster.

    Simulated, 26 words in front of each took 759 cycles for the frame, 757 predicted; 30 in front of the second one,
    all of which are used, take 757 (tests/test_zoo_twins.py).
    """
    network = _network(7)
    balanced, depths = balanced_fifos(network, "rtl"), fifo_depths(network, "rtl")
    skips = [name for name in balanced if network.readers[name][0].name in ("blocks_0_add", "blocks_1_add")]
    skips = [name for name in skips if balanced[name] > 2]
    assert [balanced[name] for name in skips] == [26, 26]
    assert [depths[name] for name in skips] == [26, 30]
    assert all(depths[name] >= words for name, words in balanced.items())


@pytest.mark.slow
@pytest.mark.parametrize("folding", ["full", 7, 24])
def test_enough_is_enough(folding: int | str) -> None:
    """A second look asks for nothing more, and no stream gets a FIFO that had none."""
    network = _network(folding)
    balanced = balanced_fifos(network, "rtl")
    once = with_room(network, balanced, balanced)
    assert with_room(network, once, balanced) == once
    assert {name for name in once if once[name] != balanced[name]} <= {name for name in balanced if balanced[name] > 2}
