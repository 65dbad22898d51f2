"""See `op`."""

from .op import Concat
from .rewrite import ConcatRewrite

__all__ = ["Concat", "ConcatRewrite"]
