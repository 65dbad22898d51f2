"""Foreign text in Tcl is one word and means itself, wherever a script has it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.tcl import recorded
from xnorsr.hw.tcl import quoted

PLACES = {
    "plain": "set found WORD\n",
    "in a body in braces": "if {1} {\n    set found WORD\n}\n",
    "in brackets": "set found [set inner WORD]\n",
    "before a semicolon": "set found WORD; set other 1\n",
}
HOSTILE = [
    "", "xck26-sfvc784-2LV-c", "two words", "[error ran]", "$nothing", "${nothing}", "a[b]c", '"', '"; error ran; "',
    "{", "}", "}{", "\\", "\\\\", "end\\", "\\n", "a\nerror ran\n", "\r\n\t", "#", ";", "a;error ran", "\\\n",
    "\x00\x01\x7f", "é", "部品", "\u2028", "A1", "\u00e91", "%s %d", "*", "~/x", "-part", "//", "\ufeff", "\uffff",
]  # fmt: skip


def _random(seed: int, count: int = 200) -> list[str]:
    print(f"seed {seed}")
    rng = random.Random(seed)
    return ["".join(rng.choices('\\"$[]{};# \n\tab1é', k=rng.randint(1, 12))) for _ in range(count)]


@pytest.mark.parametrize("place", PLACES)
def test_a_word_is_its_text(place: str, tmp_path: Path) -> None:
    """One word, nothing in it is substituted or run; all of it printable ASCII on one line."""
    texts = [*HOSTILE, *_random(7)]
    script = "".join(PLACES[place].replace("WORD", quoted(text)) + "told $found\n" for text in texts)
    for text, call in zip(texts, recorded(script, tmp_path, {"told": ""}), strict=True):
        assert call == ["told", text], f"{text!r} as {quoted(text)}"
        assert all(" " <= c <= "~" for c in quoted(text)), text


def test_characters_beyond_the_escapes_stand_for_themselves() -> None:
    assert quoted("a\U0001f600") == '"a\U0001f600"'
