"""The analytic account, against published counts and counts by hand."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from tests.hw.handmade import Net, srresnet
from xnorsr.errors import UserError
from xnorsr.hw.network import Network
from xnorsr.hw.ops.base import Fold
from xnorsr.hw.ops.conv import Conv
from xnorsr.hw.ops.conv.cost import popcounts
from xnorsr.hw.ops.registry import coefficients
from xnorsr.hw.resources.account import estimate
from xnorsr.hw.resources.cost import COEFFICIENTS, memory
from xnorsr.hw.resources.folding import fold
from xnorsr.hw.rtl import popcount
from xnorsr.hw.rtl.popcount_stages import assign


def bbcu_l(scale: int, binary: bool = True, channels: int = 64) -> Network:
    """SRResNet with 32 body convolutions, real convolutions and shuffles of 2 after them, a real tail of two."""
    net = Net(4, 6)
    x = net.conv("head", "input", channels)
    for i in range(32):
        x = net.conv(f"body{i}", net.sign(f"sign{i}", x) if binary else x, channels, binary=binary)
    for i in range(scale // 2):
        x = net.shuffle(f"shuffle{i}", net.conv(f"up{i}", x, 4 * channels), 2)
    net.conv("tail", net.conv("hr", x, channels), 3)
    return net.network()


@pytest.mark.parametrize(
    ("made_of", "giga_ops", "kilo_params"),
    [
        (srresnet(4, 6, 64, 16), 1.56, 45.6),
        (bbcu_l(2), 18.55, 225),
        (bbcu_l(4), 79.20, 372),
        (bbcu_l(2, binary=False), 85.43, 1367),
    ],
    ids=["one-convolution tail x2", "BBCU-L x2", "BBCU-L x4", "full precision x2"],
)
def test_published_operations_and_parameters(made_of: Network, giga_ops: float, kilo_params: float) -> None:
    """The counting rule gives the table that the papers print, whatever size the network is built for."""
    made = estimate(made_of)
    assert made.ops_rule / 1e9 == pytest.approx(giga_ops, rel=0.005)
    assert made.params_rule / 1e3 == pytest.approx(kilo_params, rel=0.005)


def test_counts_by_hand() -> None:
    """Every count of a small network: 5x7 pixels, 8 channels, one block, x2."""
    made = estimate(srresnet(5, 7, 8, 1), clock_mhz=100)
    layer = {one.name: one for one in made.layers}
    assert made.macs_binary == 2 * 8 * 8 * 9 * 35
    assert made.macs_fixed == (3 * 8 * 9 + 8 * 12 * 9) * 35
    assert layer["body0"].weight_bits == 8 * 8 * 9
    assert layer["head"].weight_bits == 4 * 3 * 8 * 9
    assert layer["affine0"].weight_bits == 8 * (8 + 12 + 6)
    assert layer["body0"].line_buffer_bits == 2 * 7 * 8
    assert layer["tail"].line_buffer_bits == 2 * 7 * 8 * 12
    assert layer["body0"].word_bits == 8 * 16 and layer["sign0"].word_bits == 8
    assert layer["add0"].fifo_bits % layer["head"].word_bits == 0 and layer["add0"].fifo_bits > 0
    assert layer["body0"].cycles == layer["body0"].cycles_per_pixel == 8 * 72
    assert made.input_size == (5, 7) and made.output_sizes == ((10, 14),)
    # PE = SIMD = 1: the tail is the slowest, 12 * 72 cycles a pixel
    assert made.interval_cycles == 35 * 12 * 72
    assert made.fps == pytest.approx(100e6 / (35 * 12 * 72))
    # weights of 1 bit and 4 bits, parameters per channel: sign 1 each, affine three of 26 bits together
    params = 2 * 576 + 216 + 864 + 2 * 8 * (1 + 3)
    assert made.params == params and made.float_bits == 32 * params
    assert made.model_bits == sum(one.weight_bits for one in made.layers)
    assert made.size_reduction == 1 - made.model_bits / made.float_bits


def test_binary_body_saves_the_published_eighty_percent() -> None:
    """BNN-SR: 1-bit body, 32-bit rest of the x2 SRResNet is about 80 % smaller; with fixed point here, still more."""
    made = estimate(bbcu_l(2))
    full = estimate(bbcu_l(2, binary=False))
    assert 1 - made.params_rule / full.params_rule == pytest.approx(0.836, abs=0.005)
    assert made.size_reduction > 0.95


def test_bit_planes_count_in_the_rule() -> None:
    """A binary convolution of n-bit activations is n binary ones."""
    net = Net(4, 4, channels=8)
    net.conv("conv", "input", 8, binary=True)
    made = estimate(net.network())
    assert made.layers[1].planes == 8
    assert made.ops_rule == 57600 * 8 * 8 * 9 * 8 / 64


def test_layers_behind_a_shuffle_count_more_often() -> None:
    made = {one.name: one for one in estimate(bbcu_l(2, channels=16)).layers}
    assert made["hr"].macs_fixed == 4 * 16 * 16 * 9
    assert made["hr"].cycles_per_pixel == 4 * made["hr"].cycles


@pytest.mark.slow
@pytest.mark.parametrize(("channels", "outputs"), [(8, 8), (16, 16)])
def test_registers_of_popcounts(channels: int, outputs: int) -> None:
    """The formula of constant weights against the structures themselves; with weights from a port it is exact."""
    net = Net(4, 4, channels=channels)
    net.conv("conv", net.sign("sign", "input"), outputs, binary=True)
    op = net.network().nodes[-1].op
    assert isinstance(op, Conv)
    whole = op.folded(Fold(outputs, 9 * channels))
    stages = popcount.constant_stages(9 * channels, outputs)
    weights = np.random.default_rng(2).integers(0, 2, (outputs, 9 * channels))
    made = assign(popcount.build(weights, most=stages), popcount.LEVELS, popcount.ENTRY)
    assert popcounts(whole).ff == pytest.approx(made.registers, rel=0.2)
    folded = op.folded(Fold(2, 3 * channels))
    assert popcounts(folded).ff == 2 * assign(popcount.build_variable(3 * channels, 1), popcount.LEVELS).registers


def test_cost_grows_with_parallelism() -> None:
    """More lanes cost more until the weights become constants: then outputs share sums."""
    net = Net(8, 8, channels=64)
    net.conv("conv", net.sign("sign", "input"), 64, binary=True)
    op = net.network().nodes[-1].op
    assert isinstance(op, Conv)
    cost = [op.replace(pe=pe, simd=576).cost().lut for pe in (1, 4, 16, 32, 64)]
    assert cost[0] < cost[1] < cost[2] < cost[3]
    assert 7_716 < cost[4] < 1.75 * 7_716, "7,716 LUT is what benchmarks/popcount_luts measures for the popcounts alone"
    assert cost[4] < cost[3]


@pytest.mark.parametrize(
    ("depth", "width", "bram36", "lut"),
    [
        (0, 8, 0, False),
        (2, 64, 0, False),
        (32, 64, 0, True),
        (320, 64, 1, False),
        (320, 1, 0, True),
        (1024, 36, 1, False),
    ],
)
def test_memory_goes_where_it_fits(depth: int, width: int, bram36: float, lut: bool) -> None:
    """320 x 64 is two 18 Kb halves of 512 x 36; a narrow delay line stays in slices."""
    made = memory(depth, width)
    assert made.bram36 == bram36 and (made.lut > 0) == lut


def test_coefficients_carry_their_source() -> None:
    for name, one in (COEFFICIENTS | coefficients()).items():
        assert one.value > 0 and one.unit, name
        assert re.search(r"benchmarks/|Yosys|UG\d+|DSP|LUT|slice", one.source), f"{name}: {one.source} is no source"
    assert not COEFFICIENTS.keys() & coefficients().keys()


def test_utilisation_and_plain_values() -> None:
    network = srresnet(8, 8, 16, 1)
    made = estimate(fold(network, "port"), part="kv260")
    assert made.device is not None and made.utilisation["lut"] == made.lut / made.device.lut
    plain = json.loads(json.dumps(made.to_dict()))
    assert plain["fps"] == made.fps and plain["device"]["part"] == "xck26"
    assert [one["name"] for one in plain["layers"]] == ["input", *(node.name for node in network.nodes)]
    assert sum(one["lut"] for one in plain["layers"]) == plain["lut"]


def test_bad_clock_and_part_are_refused() -> None:
    network = srresnet(4, 4, 4, 1)
    with pytest.raises(UserError, match="clock of 0 MHz"):
        estimate(network, clock_mhz=0)
    with pytest.raises(UserError, match="unknown part or board 'kv26'"):
        estimate(network, part="kv26")
