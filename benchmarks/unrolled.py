"""Binary convolutions folded and unrolled, in SystemVerilog: what each takes by the account and by Yosys.

    python -m benchmarks.unrolled [--channels 16,32] [--cycles 1,2,3,4] [--family xcup] [--quick]

A 3x3 convolution of signs from so many channels to as many, random weights, at the cheapest folding of so many cycles
per pixel; 1 is unrolled, its weights constants. `balance` is what `--unroll auto` compares: LUTs, and flip-flops and
block RAM in LUTs. Must hold: where the account finds the unrolled layer cheaper than a folded one, so does Yosys.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from benchmarks.common import heading, rows
from benchmarks.single_layer import PARTS, for_family, measured
from xnorsr.hw.ops.conv import Conv
from xnorsr.hw.resources.cost import Cost
from xnorsr.hw.resources.folding import cheapest
from xnorsr.hw.types import StreamType

COLUMNS = ("cycles", "PE x SIMD", "LUT, formula", "LUT, Yosys", "FF, formula", "FF, Yosys", "BRAM36",
           "balance, formula", "balance, Yosys")  # fmt: skip


def layer(channels: int, frame: tuple[int, int] = (256, 256), seed: int = 0) -> Conv:
    """A 3x3 convolution of signs with random weights; frame (height, width)."""
    weight = np.random.default_rng(seed).integers(0, 2, (channels, 3, 3, channels))
    kind = StreamType(*frame, channels, 1, False, 0, True)
    bits = (9 * channels).bit_length() + 1
    return Conv((kind,), StreamType(*frame, channels, bits, True, 0), weight, True, 1, np.zeros(channels, np.int64))


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark; ends with an error if account and Yosys do not agree on which is cheaper."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channels", default="16,32")
    parser.add_argument("--cycles", default="1,2,3,4")
    parser.add_argument("--family", choices=tuple(PARTS), default="xcup")
    parser.add_argument("--quick", action="store_true", help="a small layer, for the test suite")
    args = parser.parse_args(argv)
    missed = []
    for channels in (int(n) for n in ("8" if args.quick else args.channels).split(",")):
        table, balances = [], []
        for cycles in (int(n) for n in ("1,2" if args.quick else args.cycles).split(",")):
            op = for_family(layer(channels), args.family)
            op = op.folded(cheapest(op, cycles))
            (found, _), account = measured(op, args.family), op.cost()
            real = Cost(found.lut, found.ff, found.bram36, found.dsp, found.uram)
            balances.append((account.balance, real.balance))
            figures = (account.lut, real.lut, account.ff, real.ff, real.bram36, account.balance, real.balance)
            table.append([str(op.folds), f"{op.pe} x {op.simd}", *(f"{n:,.9g}" for n in map(_rounded, figures))])
            if balances[0][0] < account.balance and not balances[0][1] < real.balance:
                missed.append(f"{channels} channels, {op.folds} cycles: unrolled is cheaper by the account alone")
        heading(f"{channels} channels, {args.family}")
        rows(COLUMNS, table)
    if missed:
        raise SystemExit("; ".join(missed))


def _rounded(value: float) -> float:
    return round(value) if value > 100 else value


if __name__ == "__main__":
    main()
