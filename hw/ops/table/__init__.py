"""See `op`."""

from .op import Table
from .rewrite import TableRewrite

__all__ = ["Table", "TableRewrite"]
