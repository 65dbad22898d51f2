"""See `op`."""

from .op import Fork

__all__ = ["Fork"]
