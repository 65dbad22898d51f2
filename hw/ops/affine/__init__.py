"""See `op`."""

from .conversions import QuantizeAffines
from .op import Affine
from .rewrite import AffineRewrite

__all__ = ["Affine", "AffineRewrite", "QuantizeAffines"]
