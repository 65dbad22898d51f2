"""A scheme and a network that the package does not know: what a user's own module looks like.

`with toys():` registers both; at its end they are unknown again. RECIPE is their table of a recipe.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from xnorsr.quant import schemes, zoo

from .network import ToyConfig, ToyNet
from .scheme import ToySchemeConfig, ToyUnit

RECIPE: dict[str, Any] = {
    "name": "toynet",
    "scale": 2,
    "colors": "y",
    "width": 5,
    "scheme": {"name": "toy", "threshold": 0.3},
}

__all__ = ["RECIPE", "ToyConfig", "ToyNet", "ToySchemeConfig", "ToyUnit", "toys"]


@contextmanager
def toys() -> Iterator[None]:
    """Both are registered inside."""
    with schemes.SCHEMES.restored(), zoo.NETWORKS.restored():
        schemes.register(ToyUnit)
        zoo.register(ToyNet)
        yield
