"""See `op`."""

from .op import Add
from .rewrite import AddRewrite

__all__ = ["Add", "AddRewrite"]
