"""See `op`."""

from .op import PixelShuffle
from .push import PushShuffles
from .rewrite import PixelShuffleRewrite

__all__ = ["PixelShuffle", "PixelShuffleRewrite", "PushShuffles"]
