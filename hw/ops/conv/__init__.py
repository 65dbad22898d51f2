"""See `op`."""

from .conversions import MoveScales, SplitBiases
from .op import Conv
from .rewrite import ConvRewrite

__all__ = ["Conv", "ConvRewrite", "MoveScales", "SplitBiases"]
