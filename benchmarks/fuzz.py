"""Random cases of what a stranger may feed xnorsr, kind by kind: the long run of tests/fuzz.

    python -m benchmarks.fuzz                                      # every kind, 10,000 cases each
    python -m benchmarks.fuzz --kind qonnx --count 1000 --seed 1

A kind is a module in tests/fuzz with `case(rng) -> str`: it makes one random case and returns in a word how it ended,
or raises, which is a failure; modules called *_cases are parts of kinds. Cases run in a process of their own, which is
started again where one kills it or takes longer than its limit. Case N of a seed is always the same: --first N
--count 1 repeats it.
"""

from __future__ import annotations

import argparse
import faulthandler
import importlib
import multiprocessing
import pkgutil
import sys
import traceback
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import numpy as np

PACKAGE = "tests.fuzz"


@dataclass
class Outcome:
    """How cases ended.

    Attributes:
        ends: how many ended with each word.
        failures: number of each case that failed, with its traceback or what became of its process.
    """

    ends: Counter[str] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)


def kinds() -> list[str]:
    """Names of all kinds."""
    package = importlib.import_module(PACKAGE)
    names = (m.name for m in pkgutil.iter_modules(package.__path__))
    return sorted(n for n in names if not n.startswith("test_") and not n.endswith("_cases"))


def run(kind: str, count: int, seed: int, *, first: int = 0) -> Outcome:
    """Run cases first .. first + count - 1 of a seed; each may take the kind's LIMIT_S seconds, or 20."""
    limit_s = float(getattr(importlib.import_module(f"{PACKAGE}.{kind}"), "LIMIT_S", 20.0))
    outcome, at, end = Outcome(), first, first + count
    context = multiprocessing.get_context("spawn")
    while at < end:
        mine, others = context.Pipe(duplex=False)
        worker = context.Process(target=_work, args=(kind, seed, at, end, limit_s, others))
        worker.start()
        others.close()
        try:
            while at < end:
                word, text = mine.recv()
                outcome.ends[word] += 1
                if text:
                    outcome.failures[at] = text
                at += 1
        except EOFError:
            worker.join()
            outcome.ends["died"] += 1
            outcome.failures[at] = (
                f"its process ended with {worker.exitcode}: a signal if negative, else over {limit_s} s"
            )
            at += 1
        worker.join()
    return outcome


def _work(kind: str, seed: int, first: int, end: int, limit_s: float, pipe: Connection) -> None:
    case = importlib.import_module(f"{PACKAGE}.{kind}").case
    for number in range(first, end):
        faulthandler.dump_traceback_later(limit_s, exit=True)
        try:
            pipe.send((case(np.random.default_rng([seed, number])), ""))
        except Exception:
            pipe.send(("failed", traceback.format_exc()))
        faulthandler.cancel_dump_traceback_later()


def main() -> int:
    """Command line; the exit status is 1 where a case failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kind", choices=kinds(), help="default: every kind")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    failed = False
    for kind in [args.kind] if args.kind else kinds():
        found = run(kind, args.count, args.seed, first=args.first)
        for number, text in found.failures.items():
            print(f"{kind}, case {number} of seed {args.seed}:\n{text}\n")
        ends = ", ".join(f"{count} {word}" for word, count in found.ends.most_common())
        print(f"{kind}, seed {args.seed}, {args.count} cases: {ends}")
        failed |= bool(found.failures)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
