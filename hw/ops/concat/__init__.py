"""See `op`."""

from .op import Concat
from .rewrite import ConcatRewrite
from .scales import ConcatScales

__all__ = ["Concat", "ConcatRewrite", "ConcatScales"]
