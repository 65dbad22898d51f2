"""cocotb bench of a whole network: photographs in through AXI4-Stream video, pixels out into a file.

Runs inside the simulator; `sim.rtlsim` starts it. The environment variable XNORSR_FRAME names a JSON file with

    frames     .npy of input codes, (N, H, W, C)          output    .npy to write, (N, H', W', C')
    record     .json to write: cycles, FIFO occupancies    fifos     instance names whose occupancy is read
    in_bits, out_bits   bits a channel                     idle, stall    probability of a pause, input and output
    pixels_per_beat     of the output
    seed       of the pauses                               timeout   cycles without a transfer that count as a deadlock

All top-level outputs are registers. So one coroutine, awake at each falling edge, sees what the next rising edge will
see, and whole frames run at the simulator's speed.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge


def pack(pixels: np.ndarray, bits: int) -> list[int]:
    """Words of (N, C) codes, channel 0 in the low bits."""
    words = [0] * len(pixels)
    for c in range(pixels.shape[1]):
        column = (pixels[:, c] & ((1 << bits) - 1)).tolist()
        words = [w | (v << (c * bits)) for w, v in zip(words, column, strict=True)]
    return words


def unpack(words: list[int], channels: int, bits: int) -> np.ndarray:
    """(N, C) unsigned codes of words."""
    mask = (1 << bits) - 1
    return np.array([[(w >> (c * bits)) & mask for c in range(channels)] for w in words], np.int64)


def _beats(frames: np.ndarray, bits: int) -> Iterator[tuple[int, int, int]]:
    """(tdata, tuser, tlast) of every pixel of every frame."""
    width = frames.shape[2]
    for frame in frames:
        for n, word in enumerate(pack(frame.reshape(-1, frame.shape[-1]), bits)):
            yield word, int(n == 0), int(n % width == width - 1)


class _Run:
    """State of one run: what was sent and received, and when."""

    def __init__(self, dut: Any, config: dict[str, Any]) -> None:
        self.dut, self.config = dut, config
        self.frames = np.load(config["frames"])
        self.shape = tuple(config["out_shape"])
        self.beats_of_line = self.shape[1] // config["pixels_per_beat"]
        self.random = random.Random(config["seed"])
        self.beats = _beats(self.frames, config["in_bits"])
        self.pending = next(self.beats, None)
        self.offered = False
        self.words: list[int] = []
        self.first_in: list[int] = []
        self.last_out: list[int] = []
        self.sent = 0

    def step(self, cycle: int) -> bool:
        """One cycle; whether anything moved."""
        return self._send(cycle) | self._receive(cycle)

    def _send(self, cycle: int) -> bool:
        dut = self.dut
        # A beat once offered stays offered until it is taken, as AXI4-Stream asks.
        if self.pending is not None and not self.offered and self.random.random() >= self.config["idle"]:
            dut.s_axis_tdata.value, dut.s_axis_tuser.value, dut.s_axis_tlast.value = self.pending
            dut.s_axis_tvalid.value = 1
            self.offered = True
        if not self.offered:
            dut.s_axis_tvalid.value = 0
            return False
        if not int(dut.s_axis_tready.value):
            return False
        if self.sent % (self.frames.shape[1] * self.frames.shape[2]) == 0:
            self.first_in.append(cycle)
        self.sent += 1
        self.pending, self.offered = next(self.beats, None), False
        return True

    def _receive(self, cycle: int) -> bool:
        dut = self.dut
        ready = self.config["stall"] == 0 or self.random.random() >= self.config["stall"]
        dut.m_axis_tready.value = int(ready)
        if not ready or not int(dut.m_axis_tvalid.value):
            return False
        n = len(self.words) % (self.shape[0] * self.beats_of_line)
        marks = int(dut.m_axis_tuser.value), int(dut.m_axis_tlast.value)
        wanted = int(n == 0), int((n + 1) % self.beats_of_line == 0)
        assert marks == wanted, f"beat {n} of a frame: (tuser, tlast) = {marks}"
        self.words.append(int(dut.m_axis_tdata.value))
        if n == self.shape[0] * self.beats_of_line - 1:
            self.last_out.append(cycle)
        return True


@cocotb.test()
async def frames(dut: Any) -> None:
    """Send all frames, receive all pixels, write them and the record."""
    config = json.loads(Path(os.environ["XNORSR_FRAME"]).read_text())
    run = _Run(dut, config)
    Clock(dut.aclk, 10, "ns").start()
    dut.aresetn.value = 0
    for name in ("s_axis_tvalid", "s_axis_tdata", "s_axis_tuser", "s_axis_tlast", "m_axis_tready"):
        getattr(dut, name).value = 0
    for _ in range(4):
        await FallingEdge(dut.aclk)
    dut.aresetn.value = 1
    await FallingEdge(dut.aclk)
    total = len(run.frames) * run.shape[0] * run.beats_of_line
    cycle, quiet = 0, 0
    while len(run.words) < total:
        quiet = 0 if run.step(cycle) else quiet + 1
        assert quiet < config["timeout"], (
            f"nothing moved for {quiet} cycles: {run.sent} pixels sent, {len(run.words)} of {total} beats received"
        )
        cycle += 1
        await FallingEdge(dut.aclk)
    out = unpack(run.words, run.shape[2] * config["pixels_per_beat"], config["out_bits"])
    np.save(config["output"], out.reshape(len(run.frames), *run.shape))
    record = {"cycles": cycle, "first_in": run.first_in, "last_out": run.last_out}
    record["occupancy"] = {name: int(getattr(dut, name).max_occupancy_q.value) for name in config["fifos"]}
    Path(config["record"]).write_text(json.dumps(record))
