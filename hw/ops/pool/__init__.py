"""See `op`."""

from .op import Pool
from .rewrite import PoolRewrite

__all__ = ["Pool", "PoolRewrite"]
