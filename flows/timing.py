"""What is said of the clock: the asked one, and the one estimated from the mapped netlist where that ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..hw.resources.account import Estimate
from ..hw.resources.timing import LayerTiming, TimedPath, Timing


@dataclass(frozen=True)
class Clock:
    """Both clocks of a build, in MHz.

    Attributes:
        asked: what the project is built for.
        timing: worst paths of the mapped netlist; None where nothing was synthesized.
        owners: layer of the account that each of the netlist's layers counts to; see `Account.owner`.
    """

    asked: float
    timing: Timing | None
    owners: Mapping[str, str]

    @property
    def lower(self) -> float:
        """Clock that frames per second and latency are given for: what is asked is not thereby reached."""
        return self.asked if self.timing is None else min(self.asked, self.timing.estimated_mhz)

    def at(self, estimate: Estimate) -> Estimate:
        """The account at that clock."""
        return replace(estimate, clock_mhz=self.lower)

    def layers(self) -> dict[str, LayerTiming]:
        """By layer of the account: the worst path that ends in it, in its FIFOs, or, for the input, in the ports."""
        found: dict[str, LayerTiming] = {}
        for name, one in self.timing.layers.items() if self.timing is not None else ():
            owner = self.owners[name]
            before = found.get(owner, one)
            deepest = max(before, one, key=lambda t: t.beside_chain)
            found[owner] = LayerTiming(
                max(before.worst, one.worst, key=lambda path: path.delay),
                max(before.levels, one.levels),
                deepest.beside_chain,
                deepest.deepest,
            )
        return found

    def to_dict(self) -> dict[str, Any]:
        """For results.json. Without synthesis all but the asked clock is None."""
        asked: dict[str, Any] = {"asked_mhz": self.asked}
        if self.timing is None:
            return asked | dict.fromkeys(("estimated_mhz", "levels", "family", "grade", "layers"))
        return asked | {
            "estimated_mhz": self.timing.estimated_mhz,
            "levels": self.timing.levels,
            "family": self.timing.family,
            "grade": self.timing.grade,
            "layers": {name: asdict(one) for name, one in self.layers().items()},
        }


def clock_text(timing: Mapping[str, Any]) -> str:
    """The clock in words.

    Args:
        timing: what `Clock.to_dict` gives.
    """
    asked = f"{timing['asked_mhz']:g} MHz"
    if timing["estimated_mhz"] is None:
        return f"at the asked clock of {asked}, not checked"
    estimated = f"{timing['estimated_mhz']:.0f} MHz"
    grade = f"estimated for {timing['grade']}, before placement"
    if timing["estimated_mhz"] < timing["asked_mhz"]:
        return f"at {estimated}, {grade}: less than the {asked} asked for"
    return f"at the asked {asked}; {estimated} {grade}"


def path_text(path: TimedPath) -> str:
    """Where a path comes from, where that is another layer."""
    return "" if path.start_layer == path.end_layer else path.start_layer.removeprefix("u_") or "ports"
