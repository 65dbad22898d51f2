"""See `op`."""

from .op import PixelUnshuffle
from .rewrite import PixelUnshuffleRewrite
from .scales import PixelUnshuffleScales

__all__ = ["PixelUnshuffle", "PixelUnshuffleRewrite", "PixelUnshuffleScales"]
