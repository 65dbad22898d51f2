"""FIFOs beside sums over the frame: where they stand, how deep they are, and what that leaves to the others."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.gated import gated
from xnorsr.hw.graph.lower import lower
from xnorsr.hw.network import Network
from xnorsr.hw.resources.bursts import room_for
from xnorsr.hw.resources.fifos import balanced_fifos, fifo_depths
from xnorsr.hw.resources.folding import fold, plan
from xnorsr.hw.resources.schedule import predict
from xnorsr.hw.resources.slices import SLICE
from xnorsr.quant import zoo
from xnorsr.quant.export import to_qonnx

SCALES = {"name": "srresnet", "scheme": "scales", "channels": 8, "blocks": 1, "upsampler": "single"}
#: The slow layer, and the one whose burst it meets.
LAYERS = ("blocks_0_second_conv", "blocks_0_first_mul_1")


def lowered(config: dict[str, Any], height: int, width: int, pooling: str = "frame") -> Network:
    torch.manual_seed(11)
    model = zoo.randomize(zoo.build(zoo.NETWORKS.validate(config)), 11).eval()
    return lower(to_qonnx(model, 3, height, width), pooling=pooling).network


def changed(network: Network, side: Any = "rtl") -> tuple[dict[str, int], dict[str, int]]:
    """Words that FIFOs have more and fewer than joins need, by stream."""
    before, now = balanced_fifos(network, side), fifo_depths(network, side)
    least = SLICE if side == "rtl" else 0
    more = {name: words - before[name] for name, words in now.items() if words > max(before[name], least)}
    return more, {name: before[name] - words for name, words in now.items() if words < before[name]}


@pytest.mark.slow
def test_a_frame_waits_where_words_are_narrow() -> None:
    """Of what the product in front gives at its pace, the convolution takes a part; the rest of the frame waits."""
    network = fold(lowered(SCALES, 9, 10), 40)
    for side in ("rtl", "hls"):
        more, less = changed(network, side)
        (behind,) = less
        sign, factor = more
        kinds = {name: network.streams[name].kind for name in (sign, factor, behind)}
        assert network.readers[sign][0].name == LAYERS[0] and kinds[sign].bipolar
        assert kinds[factor].word_bits == 8, "one factor for each pixel, before it is spread to all channels"
        assert kinds[behind].word_bits > 10 * kinds[sign].word_bits
        slow, fast = (network.node(name).op.timing("rtl").interval for name in LAYERS)
        window = 11 + 1  # pixels that the convolution takes as they come, before it has its first window
        assert slow > fast and abs(more[sign] - (90 - window) * (1 - fast / slow)) <= 2
        # A frame finds as many places as before, on both ways to where it waits.
        assert less[behind] <= min(more[sign], more[factor])


@pytest.mark.slow
def test_nothing_changes_where_nothing_is_slower() -> None:
    for config, height, width, target, pooling in (
        (SCALES, 7, 5, "port", "frame"),
        (SCALES, 6, 8, 40, "previous"),
        (SCALES | {"scheme": "ebsr"}, 5, 7, 40, "frame"),
    ):
        network = fold(lowered(config, height, width, pooling), target)
        assert room_for(network, balanced_fifos(network, "rtl")) == {}


@pytest.mark.slow
def test_what_waits_follows_the_folding() -> None:
    """The slower the convolution beside the pool, the more waits in front of it and the less behind, frame by frame."""
    network = lowered(SCALES, 9, 10)
    base = fold(network, 40)
    depths = []
    for simd in (18, 9, 6):
        made = base.with_ops(
            {
                node.name: node.op.folded(plan(network, {node.name: (1, simd)})[node.name])
                for node in network.nodes
                if node.name == LAYERS[0]
            }
        )
        more, less = changed(made)
        conv = made.node(LAYERS[0])
        depths.append((conv.op.timing("rtl").interval, more[conv.inputs[0]], sum(less.values())))
        assert predict(made).cycles_per_frame > 90 * depths[-1][0]
    assert depths == sorted(depths), depths


@pytest.mark.slow
def test_any_folding_of_a_dense_network_is_planned() -> None:
    """Gates, attention and dense blocks: pools behind joins, several at one fork. Planning ends, at every pace."""
    network = lower(gated()).network
    deeper = [changed(fold(network, target))[0] for target in ("full", "port", 40, "min")]
    assert not deeper[0] and any(deeper)


@pytest.mark.slow
def test_large_frames_are_planned_in_seconds() -> None:
    network = fold(lowered(SCALES | {"channels": 24, "blocks": 3}, 180, 320), "auto", 200.0)
    more, _ = changed(network)
    assert more
