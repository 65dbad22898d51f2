"""The toy operator: per-channel absolute value with saturation. `absolute()` registers it for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xnorsr.hw.ops import registered

from .op import Absolute
from .rewrite import AbsoluteRewrite

__all__ = ["FOLDER", "Absolute", "AbsoluteRewrite", "absolute"]

FOLDER = Path(__file__).parent


@contextmanager
def absolute() -> Iterator[None]:
    """The operator is known inside."""
    with registered(Absolute, FOLDER, rewrites=[AbsoluteRewrite()]):
        yield
