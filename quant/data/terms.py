"""On what terms sets of photographs may be used, as far as their authors say so."""

from __future__ import annotations

_BSDS = "non-commercial research and education only"
_NONE = "no licence found"
#: By the names that their folders usually have, in lower case without hyphens and underscores.
_TERMS = {
    "embedded": "photographs that come with scikit-image and scikit-learn, on the terms that these packages name",
    "t91": _NONE,
    "general100": _NONE,
    "bsds100": _BSDS,
    "bsds200": _BSDS,
    "bsds300": _BSDS,
    "bsds500": _BSDS,
    "bsds500train": _BSDS,
    "bsds500test": _BSDS,
    "div2k": "academic research only",
    "div2ktrainhr": "academic research only",
    "flickr2k": "those of each photograph's owner",
}


def terms(name: str) -> str | None:
    """The terms of a set, by its name; None where nothing is known of it."""
    return _TERMS.get(name.lower().replace("-", "").replace("_", ""))
