"""See `op`."""

from .op import Threshold
from .rewrite import ThresholdRewrite

__all__ = ["Threshold", "ThresholdRewrite"]
