"""See `op`."""

from .conversions import MoveScales, SplitBiases
from .op import Conv
from .rewrite import ConvRewrite
from .whole import TransposedConvolutions, WholeKernels

__all__ = ["Conv", "ConvRewrite", "MoveScales", "SplitBiases", "TransposedConvolutions", "WholeKernels"]
