"""Binarization schemes, one file each: `register` makes one known to recipes as `model.scheme`."""

from .base import SCHEMES, BinaryUnit, register, unit
from .bnn import BNNConfig, BNNUnit
from .w1a1 import W1A1Config, W1A1Unit

__all__ = ["SCHEMES", "BNNConfig", "BNNUnit", "BinaryUnit", "W1A1Config", "W1A1Unit", "register", "unit"]
