"""See `op`."""

from .op import PixelShuffle
from .push import PushShuffles
from .rewrite import PixelShuffleRewrite
from .scales import PixelShuffleScales

__all__ = ["PixelShuffle", "PixelShuffleRewrite", "PixelShuffleScales", "PushShuffles"]
