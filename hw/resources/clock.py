"""Which depth of logic between registers a clock leaves room for.

The delays are rough: a look-up table, the net behind it, and what a register and one carry chain cost, for the middle
speed grade of each family. They choose how many registers the modules have; what a netlist reaches is estimated from
the netlist itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from .devices import device, known


@dataclass(frozen=True)
class Delays:
    """Delays in nanoseconds.

    Attributes:
        level: a look-up table and the net behind it.
        fixed: clock to output, set-up, the first net and one carry chain.
    """

    level: float
    fixed: float


#: By family of `devices.toml`.
DELAYS = {"xc7": Delays(0.75, 2.6), "xcu": Delays(0.45, 1.5), "xcup": Delays(0.4, 1.3)}
#: Of parts that the table does not hold.
UNKNOWN = DELAYS["xc7"]
#: Fewer levels than this no module can do with, and more are not worth leaving registers out.
FEWEST, MOST = 2, 4


def logic_levels(clock_mhz: float, part: str) -> int:
    """Look-up tables that may stand between two registers, beside one carry chain, at an asked clock in MHz."""
    delays = DELAYS[device(part).family] if known(part) else UNKNOWN
    return max(FEWEST, min(MOST, int((1000.0 / clock_mhz - delays.fixed) / delays.level)))
