"""See `op`."""

from .conversions import MoveScales, SplitBiases
from .op import Conv
from .rewrite import ConvRewrite
from .scales import ConvScales
from .whole import TransposedConvolutions, WholeKernels

__all__ = [
    "Conv",
    "ConvRewrite",
    "ConvScales",
    "MoveScales",
    "SplitBiases",
    "TransposedConvolutions",
    "WholeKernels",
]
