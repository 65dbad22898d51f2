"""See `op`."""

from .conversions import QuantizeAffines
from .op import Affine
from .rewrite import AffineRewrite
from .scales import ReluScales

__all__ = ["Affine", "AffineRewrite", "QuantizeAffines", "ReluScales"]
