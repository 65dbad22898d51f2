"""See `op`."""

from .op import ResizePhases
from .rewrite import ResizeRewrite
from .scales import ResizeScales

__all__ = ["ResizePhases", "ResizeRewrite", "ResizeScales"]
