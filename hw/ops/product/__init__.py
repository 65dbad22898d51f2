"""See `op`."""

from .op import Product
from .rewrite import ProductRewrite

__all__ = ["Product", "ProductRewrite"]
