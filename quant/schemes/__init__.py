"""Binarization schemes, one file each: `register` makes one known to recipes as `model.scheme`."""

from .base import SCHEMES, BinaryUnit, between, check_deployable, check_tokens, register, unit
from .bbcu import BBCUConfig, BBCUUnit
from .bireal import BiRealConfig, BiRealUnit
from .bnn import BNNConfig, BNNUnit
from .bsrc import BSRCConfig, BSRCUnit
from .e2fif import E2FIFConfig, E2FIFUnit
from .ebsr import EBSRConfig, EBSRUnit
from .full import FloatConfig, FloatUnit
from .int8 import Int8Config, Int8Unit
from .scales import SCALESConfig, SCALESUnit
from .sign import SignConfig, SignUnit
from .w1a1 import W1A1Config, W1A1Unit

__all__ = [
    "SCHEMES",
    "BBCUConfig",
    "BBCUUnit",
    "BNNConfig",
    "BNNUnit",
    "BSRCConfig",
    "BSRCUnit",
    "BiRealConfig",
    "BiRealUnit",
    "BinaryUnit",
    "E2FIFConfig",
    "E2FIFUnit",
    "EBSRConfig",
    "EBSRUnit",
    "FloatConfig",
    "FloatUnit",
    "Int8Config",
    "Int8Unit",
    "SCALESConfig",
    "SCALESUnit",
    "SignConfig",
    "SignUnit",
    "W1A1Config",
    "W1A1Unit",
    "between",
    "check_deployable",
    "check_tokens",
    "register",
    "unit",
]
