"""The steps of the flow, one function each, as the commands and the pipeline call them."""

from .cost import Account, account, account_tables, estimate, write_account
from .hardware import Simulated, build, simulate, simulate_codes, vendor_synthesis
from .training import Score, evaluate, export, mean_score, train

__all__ = [
    "Account",
    "Score",
    "Simulated",
    "account",
    "account_tables",
    "build",
    "estimate",
    "evaluate",
    "export",
    "mean_score",
    "simulate",
    "simulate_codes",
    "train",
    "vendor_synthesis",
    "write_account",
]
