"""How tests are shared out among processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

_GROUP = "xdist_group"


def _grouped(root: Path) -> set[str]:
    """Modules whose tests share what is expensive to make, as node ids name them."""
    files = (root / "tests").rglob("test_*.py")
    return {file.relative_to(root).as_posix() for file in files if _GROUP in file.read_text(encoding="utf-8")}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With --dist loadgroup, modules that are marked as a group go to one process.

    pytest-xdist 3.8 marks groups in the ids of tests, which pytest 9.2 makes anew: each process would make again what
    the others have.
    """
    if config.getoption("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    grouped = _grouped(config.rootpath)

    class Grouped(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module = nodeid.partition("::")[0]
            return module if module in grouped else nodeid

    return Grouped(config, log)
