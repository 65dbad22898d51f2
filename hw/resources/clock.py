"""Which depth of logic between registers a clock leaves room for, by the delays of `timing_delays`.

It chooses how many registers the modules have; what a netlist reaches is estimated from the netlist itself (`timing`).
"""

from __future__ import annotations

from .devices import device, known
from .timing_delays import DELAYS, Delays

#: Family that is taken for parts that the table does not hold: the slowest.
UNKNOWN = "xc7"
#: Fewer levels than this no module can do with, and more are not worth leaving registers out.
FEWEST, MOST = 2, 4
#: Pins of a net between two look-up tables, and bits of the carry chain that stands beside them.
FAN_OUT, CHAIN = 2, 16


def _level(d: Delays) -> float:
    """A look-up table and the net behind it, in nanoseconds."""
    return d.lut + d.net_delay(FAN_OUT)


def _fixed(d: Delays) -> float:
    """What a path has besides: clock to output and the net there, a carry chain, set-up; in nanoseconds."""
    chain = d.carry_in + CHAIN * d.carry_bit + d.carry_out
    return d.clk_to_q + d.net_delay(FAN_OUT) + chain + d.setup + d.uncertainty


def logic_levels(clock_mhz: float, part: str) -> int:
    """Look-up tables that may stand between two registers, beside one carry chain, at an asked clock in MHz."""
    delays = DELAYS[device(part).family if known(part) else UNKNOWN]
    return max(FEWEST, min(MOST, int((1000.0 / clock_mhz - _fixed(delays)) / _level(delays))))
