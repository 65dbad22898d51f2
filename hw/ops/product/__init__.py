"""See `op`."""

from .op import Product
from .rewrite import ProductRewrite
from .scales import ProductScales

__all__ = ["Product", "ProductRewrite", "ProductScales"]
