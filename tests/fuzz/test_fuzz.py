"""A hundred cases of each kind of abuse: each ends in a result that is right, or in a refusal that says why."""

from __future__ import annotations

import pytest

from benchmarks import fuzz

SEED = 20261124
COUNTS = {"qonnx": 120, "flows": 150}


@pytest.mark.slow
@pytest.mark.parametrize("kind", fuzz.kinds())
def test_nothing_gets_through_and_nothing_hangs(kind: str) -> None:
    found = fuzz.run(kind, COUNTS.get(kind, 100), SEED)
    texts = [f"case {number} of seed {SEED}:\n{text}" for number, text in found.failures.items()]
    assert not texts, "\n".join(texts[:5])
    print(f"{kind}, seed {SEED}: {dict(found.ends)}")
    assert len(found.ends) > 1, "all cases ended alike: they try nothing"
