"""See `op`."""

from .op import Pieces
from .rewrite import PiecesRewrite

__all__ = ["Pieces", "PiecesRewrite"]
