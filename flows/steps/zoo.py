"""The table of networks and schemes: what each combination needs, counted as papers do."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ...errors import UserError
from ...quant.accounting import Account, account, paper_config
from ...quant.registry import Registry, suggestion
from ...quant.schemes import SCHEMES
from ...quant.zoo import NETWORKS
from ..output import write_file

COLUMNS = ("network", "scheme", "OPs G", "params K", "weights kB", "saved", "others K")


@dataclass(frozen=True)
class Row:
    """One network with one scheme, in the size that papers count."""

    network: str
    scheme: str
    account: Account

    def cells(self) -> list[str]:
        """As `COLUMNS`."""
        a = self.account
        return [
            self.network,
            self.scheme,
            f"{a.operations / 1e9:.2f}",
            f"{a.parameters / 1e3:.1f}",
            f"{a.size_bytes / 1e3:.0f}",
            f"{100 * a.saved:.1f} %",
            f"{a.others / 1e3:.1f}",
        ]


def _known(option: str, names: list[str] | None, registry: Registry[Any]) -> list[str]:
    """The names asked for, or all.

    Raises:
        UserError: one is not registered.
    """
    for name in names or []:
        if name not in registry:
            known = registry.names()
            raise UserError(
                f"{option} {name}: no {registry.kind} of that name.{suggestion(name, known)} There are: "
                f"{', '.join(known)}."
            )
    return names or registry.names()


def accounts(networks: list[str] | None, schemes: list[str] | None, scale: int) -> list[Row]:
    """Rows of all combinations that exist at a scale.

    Raises:
        UserError: unknown network or scheme, or no combination exists at that scale.
    """
    rows, refused = [], dict[str, str]()
    for network in _known("--network", networks, NETWORKS):
        for scheme in _known("--scheme", schemes, SCHEMES):
            try:
                cfg = paper_config(network, scheme, scale)
            except ValidationError as e:
                # The first reason is enough: a scale is refused for every scheme.
                refused.setdefault(network, str(e.errors()[0]["msg"]).removeprefix("Value error, "))
                continue
            rows.append(Row(network, scheme, account(cfg)))
    if not rows:
        why = "; ".join(f"{network}: {reason}" for network, reason in refused.items())
        raise UserError(f"--scale {scale}: nothing to count ({why}); give another scale, network or scheme.")
    return rows


def write_csv(rows: list[Row], path: Path) -> None:
    """The table as CSV, operations and parameters in full."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["network", "scheme", "operations", "parameters", "size_bytes", "saved", "others"])
    for row in rows:
        a = row.account
        writer.writerow([row.network, row.scheme, a.operations, a.parameters, a.size_bytes, a.saved, a.others])
    write_file(path, text.getvalue())
