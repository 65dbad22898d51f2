"""How deep the logic of every network of the test matrix is between registers, and the clock that this leaves.

    python -m benchmarks.depths [--family xcup] [--clock 250] [--only 0-port,unet] [--quick]

Networks are those of tests/networks.py at the foldings of the matrix, and further ones with gates, attention, sums over
the frame, strided and transposed convolutions, pools and shuffles. Each is built for the family's part and clock and
mapped by Yosys. Prints the deepest path beside one carry chain, the slowest path and the estimated clock. Must hold: no
layer is deeper than the clock leaves room for (`hw.resources.clock`), and the estimated clock is not below the asked
one.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import onnx
import torch
from torch import nn

from benchmarks.common import heading, rows
from tests import foreign
from tests.gated import gated
from tests.networks import CASES, MATRIX, network, pyramid
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


#: (height, width) that networks which go down and up again divide.
FRAME = (8, 12)


def _foreign(make: Callable[[], nn.Module]) -> onnx.ModelProto:
    torch.manual_seed(0)  # the same network, and so the same figures, each time
    return foreign.exported(foreign.calibrated(make(), frame=FRAME), FRAME)


#: Networks and their foldings, by number in the matrix and folding, or by what they have.
NETWORKS: dict[str, tuple[Callable[[], onnx.ModelProto], int | str]] = {
    f"{MATRIX.index(spec)}-{folding}": (partial(network, spec), folding) for spec, folding in CASES
}
NETWORKS.update(
    pyramid=(pyramid, "port"),
    gates=(gated, "full"),
    unet=(partial(_foreign, partial(foreign.unet, 2)), 24),
    parts=(partial(_foreign, foreign.Parts), 4),
)


def depth(name: str, family: str, clock: float, folder: Path) -> Depth:
    """Build one of `NETWORKS` in ``folder``, map it, and find its worst paths."""
    make, folding = NETWORKS[name]
    part = PARTS[family]
    build(make(), folder / "net", BuildOptions(part=part, clock_mhz=clock, folding=folding), hls=False)
    return Depth(synthesize(folder / "net" / "rtl", family).timing, logic_levels(clock, part), clock)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark; ends with an error if one of these is not so."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", choices=tuple(PARTS), default="xcup")
    parser.add_argument("--clock", type=float, default=250.0, help="asked clock in MHz")
    parser.add_argument("--only", help=f"comma-separated, of {', '.join(NETWORKS)}")
    parser.add_argument("--quick", action="store_true", help="one network, for the test suite")
    args = parser.parse_args(argv)
    chosen = args.only.split(",") if args.only else ["0-port"] if args.quick else list(NETWORKS)
    table, missed = [], []
    for name in chosen:
        with tempfile.TemporaryDirectory() as folder:
            found = depth(name, args.family, args.clock, Path(folder))
        timing = found.timing
        figures = (str(timing.beside_chain), f"{timing.worst.delay:.2f}", f"{timing.estimated_mhz:.0f}")
        number = name.partition("-")[0]
        table.append([f"{name}: {MATRIX[int(number)]}" if number.isdigit() else name, *figures])
        missed += [f"{name}: {text}" for text in found.missed]
    heading(f"{args.family}, {args.clock:g} MHz asked: at most {found.levels} levels beside a carry chain")
    rows(("network", "levels", "slowest ns", "estimated MHz"), table)
    if missed:
        raise SystemExit("\n".join(missed))


if __name__ == "__main__":
    main()
