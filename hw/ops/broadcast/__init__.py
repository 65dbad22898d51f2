"""See `op`."""

from .conversions import SpreadInputs
from .op import Broadcast
from .rewrite import BroadcastRewrite
from .scales import BroadcastScales

__all__ = ["Broadcast", "BroadcastRewrite", "BroadcastScales", "SpreadInputs"]
