"""How deep the logic of every network of the test matrix is between registers, and the clock that this leaves.

    python -m benchmarks.depths [--family xcup] [--clock 250] [--foldings port,full] [--only 0,7] [--quick]

Each network of tests/networks.py is built for the family's part and clock and mapped by Yosys. Prints the deepest path
beside one carry chain, the slowest path and the estimated clock. Must hold: no layer is deeper than the clock leaves
room for (`hw.resources.clock`), and the estimated clock is not below the asked one.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import heading, rows
from tests.networks import MATRIX, NetworkSpec, network
from xnorsr.hw.build import BuildOptions, build
from xnorsr.hw.resources.clock import logic_levels
from xnorsr.hw.resources.synth import synthesize
from xnorsr.hw.resources.timing import Timing

PARTS = {"xc7": "xc7a100t", "xcu": "xcku040", "xcup": "xck26"}


@dataclass(frozen=True)
class Depth:
    """What was found of one network.

    Attributes:
        timing: its worst paths.
        levels: that may stand beside a carry chain.
        clock: asked, in MHz.
    """

    timing: Timing
    levels: int
    clock: float

    @property
    def missed(self) -> list[str]:
        """What does not hold, as text; empty where all does."""
        found = self.timing.deeper_than(self.levels)
        if self.timing.estimated_mhz < self.clock:
            path = self.timing.worst
            where = f"{path.start_layer}: {path.start} -> {path.end_layer}: {path.end}"
            found.append(f"{self.timing.estimated_mhz:.0f} MHz estimated, {self.clock:g} asked: {where}")
        return found


def depth(spec: NetworkSpec, folding: str, family: str, clock: float, folder: Path) -> Depth:
    """Build a network of the matrix in ``folder``, map it, and find its worst paths."""
    part = PARTS[family]
    build(network(spec), folder / "net", BuildOptions(part=part, clock_mhz=clock, folding=folding), hls=False)
    return Depth(synthesize(folder / "net" / "rtl", family).timing, logic_levels(clock, part), clock)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark; ends with an error if one of these is not so."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", choices=tuple(PARTS), default="xcup")
    parser.add_argument("--clock", type=float, default=250.0, help="asked clock in MHz")
    parser.add_argument("--foldings", default="port,full", help="comma-separated")
    parser.add_argument("--only", help="numbers of networks in the matrix, comma-separated")
    parser.add_argument("--quick", action="store_true", help="one network, for the test suite")
    args = parser.parse_args(argv)
    chosen = [int(n) for n in args.only.split(",")] if args.only else [0] if args.quick else range(len(MATRIX))
    foldings = ["port"] if args.quick else args.foldings.split(",")
    table, missed = [], []
    for number in chosen:
        for folding in foldings:
            with tempfile.TemporaryDirectory() as folder:
                found = depth(MATRIX[number], folding, args.family, args.clock, Path(folder))
            timing = found.timing
            figures = (str(timing.beside_chain), f"{timing.worst.delay:.2f}", f"{timing.estimated_mhz:.0f}")
            table.append([f"{number}: {MATRIX[number]}, {folding}", *figures])
            missed += [f"{number}, {folding}: {text}" for text in found.missed]
    heading(f"{args.family}, {args.clock:g} MHz asked: at most {found.levels} levels beside a carry chain")
    rows(("network", "levels", "slowest ns", "estimated MHz"), table)
    if missed:
        raise SystemExit("\n".join(missed))


if __name__ == "__main__":
    main()
