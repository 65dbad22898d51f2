"""See `op`."""

from .op import Select
from .rewrite import SelectRewrite
from .scales import SelectScales

__all__ = ["Select", "SelectRewrite", "SelectScales"]
