"""See `op`."""

from .conversions import SpreadInputs
from .op import Broadcast
from .rewrite import BroadcastRewrite

__all__ = ["Broadcast", "BroadcastRewrite", "SpreadInputs"]
