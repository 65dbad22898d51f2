"""Foreign text in Tcl is one word and means itself, wherever a script has it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.hw.rtl.tcl_run import run_tcl
from tests.hw.rtl.tcl_words import commands
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
    """Run by Tcl itself; lengths and code points, so that no encoding of the output helps or hurts."""
    texts = [*HOSTILE, *_random(7)]
    script = "set all {}\n" + "".join(
        PLACES[place].replace("WORD", quoted(text))
        + "set points {}\nforeach c [split $found {}] { lappend points [scan $c %c] }\nlappend all [join $points ,]\n"
        for text in texts
    )
    found = run_tcl(script, "[join $all /]", tmp_path).split("/")
    for text, points in zip(texts, found, strict=True):
        assert points == ",".join(str(ord(c)) for c in text), f"{text!r} as {quoted(text)}"


@pytest.mark.parametrize("place", PLACES)
def test_a_word_is_one_word(place: str) -> None:
    """By Tcl's rules for words, on a machine without a Tcl as well; all of it printable ASCII on one line."""
    plain = [len(words) for words in commands(PLACES[place].replace("WORD", "x"))]
    for text in [*HOSTILE, *_random(8)]:
        word = quoted(text)
        assert all(" " <= c <= "~" for c in word), text
        assert [len(words) for words in commands(PLACES[place].replace("WORD", word))] == plain, text


def test_characters_beyond_the_escapes_stand_for_themselves() -> None:
    assert quoted("a\U0001f600") == '"a\U0001f600"'
