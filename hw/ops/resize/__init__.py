"""See `op`."""

from .op import ResizePhases
from .rewrite import ResizeRewrite

__all__ = ["ResizePhases", "ResizeRewrite"]
