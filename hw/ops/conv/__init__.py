"""See `op`."""

from .conversions import MoveScales, SplitBiases
from .op import Conv
from .rewrite import ConvRewrite
from .scales import ConvScales, MeanPoolScales
from .strided import MeanPools, StridedConvolutions
from .whole import TransposedConvolutions, WholeKernels

__all__ = [
    "Conv",
    "ConvRewrite",
    "ConvScales",
    "MeanPoolScales",
    "MeanPools",
    "MoveScales",
    "SplitBiases",
    "StridedConvolutions",
    "TransposedConvolutions",
    "WholeKernels",
]
