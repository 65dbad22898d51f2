"""See `op`."""

from .op import Maximum
from .rewrite import MaximumRewrite
from .scales import MaximumScales

__all__ = ["Maximum", "MaximumRewrite", "MaximumScales"]
