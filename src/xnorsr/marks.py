"""Marks that exported QONNX files carry in their metadata, for whoever reads them."""

from __future__ import annotations

#: "WIDTHxHEIGHT" of the only frame, in low-resolution pixels, that constants of the file are right for.
FRAME = "xnorsr.frame"
#: JSON list of [input, output]: what the network keeps from frame to frame, given and made.
STATES = "xnorsr.states"
#: JSON table of the start values of such tensors, in a graph as of one frame.
STARTS = "xnorsr.starts"

#: The output that is the network's picture, in exports of ours.
OUTPUT = "sr"
