"""See `op`."""

from .op import Add
from .rewrite import AddRewrite
from .scales import AddScales

__all__ = ["Add", "AddRewrite", "AddScales"]
