"""See `op`."""

from .conversions import MoveScales, SplitBiases
from .op import Conv
from .rewrite import ConvRewrite
from .scales import ConvScales

__all__ = ["Conv", "ConvRewrite", "ConvScales", "MoveScales", "SplitBiases"]
