"""Marks that exported QONNX files carry in their metadata, for whoever reads them."""

from __future__ import annotations

#: "WIDTHxHEIGHT" of the only frame, in low-resolution pixels, that constants of the file are right for.
FRAME = "xnorsr.frame"
