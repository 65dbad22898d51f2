"""cocotb bench of a whole network: photographs in through AXI4-Stream video, pixels out into a file.

Runs inside the simulator; `sim.rtlsim` starts it. The environment variable XNORSR_FRAME names a JSON file with

    frames     .npy of input codes, (N, H, W, C)           in_bits   bits per channel of the input
    outputs    list of {prefix, file, bits, shape, pixels_per_beat}: a port, the .npy to write with (N, H', W', C')
               unsigned codes, and (H', W', C'). Channels have the port's order, in and out.
    record     .json to write: cycles, FIFO occupancies    fifos     instance names whose occupancy is read
    idle, stall    probability of a pause, input and output
    seed       of the pauses                               timeout   cycles without a line that count as a deadlock
    wait       cycles between reset and the first pixel

Ports are driven by cocotbext-axi, a line as a packet. On frames of 64x48 that takes 0.87 times as long as a loop of our
own that did nothing else, and 1.12 times with pauses.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge, SimTimeoutError, with_timeout
from cocotb.utils import get_sim_time
from cocotbext.axi import AxiStreamFrame

from xnorsr.sim.benches import axis
from xnorsr.sim.benches.streams import Pause, at_random


def pack(pixels: np.ndarray, bits: int) -> list[int]:
    """Words of (N, C) codes, the first one in the low bits."""
    words = [0] * len(pixels)
    for c in range(pixels.shape[1]):
        column = (pixels[:, c] & ((1 << bits) - 1)).tolist()
        words = [w | (v << (c * bits)) for w, v in zip(words, column, strict=True)]
    return words


def unpack(words: list[int], channels: int, bits: int) -> np.ndarray:
    """(N, C) unsigned codes of words, those of the low bits first."""
    mask = (1 << bits) - 1
    return np.array([[(w >> (c * bits)) & mask for c in range(channels)] for w in words], np.int64)


class _Input:
    """The input port: sends the lines of all frames.

    Attributes:
        lines: lines handed to the source.
        first: cycle in which the first pixel is taken; None before.
    """

    def __init__(self, dut: Any, pause: Pause | None) -> None:
        self.dut, self.source = dut, axis.source(dut, pause=pause)
        self.source.queue_occupancy_limit_frames = 4  # lines that wait
        self.lines = 0
        self.first: int | None = None

    async def send(self, frames: np.ndarray, bits: int) -> None:
        """Send (N, H, W, C) codes."""
        height, width = frames.shape[1:3]
        for frame in frames:
            words = pack(frame.reshape(-1, frame.shape[-1]), bits)
            for y in range(height):
                marks = [int(y == 0)] + [0] * (width - 1)
                await self.source.send(AxiStreamFrame(words[y * width : (y + 1) * width], tuser=marks))
                self.lines += 1

    async def see_first(self) -> None:
        """Wait for the first transfer."""
        while self.first is None:
            await RisingEdge(self.dut.aclk)
            if int(self.dut.s_axis_tvalid.value) and int(self.dut.s_axis_tready.value):
                self.first = axis.cycle(get_sim_time())


class _Output:
    """An output port: takes its lines, checks their marks, and keeps their words.

    Attributes:
        lines: lines that came.
        ends: cycle of each frame's last beat.
    """

    def __init__(self, dut: Any, config: dict[str, Any], pause: Pause | None) -> None:
        self.config = config
        self.height, width, self.channels = config["shape"]
        self.beats = width // config["pixels_per_beat"]
        self.sink = axis.sink(dut, config["prefix"], pause)
        self.lines = 0
        self.words: list[int] = []
        self.ends: list[int] = []

    async def receive(self, frames: int) -> None:
        """Take so many frames."""
        while self.lines < frames * self.height:
            self._take(await self.sink.recv(compact=False))

    def _take(self, line: Any) -> None:
        y = self.lines % self.height
        where = f"{self.config['prefix']}, frame {self.lines // self.height}, line {y}"
        assert len(line.tdata) == self.beats, f"{where}: tlast after {len(line.tdata)} beats, expected {self.beats}"
        marks = [int(y == 0)] + [0] * (self.beats - 1)
        assert line.tuser == marks, f"{where}: tuser {line.tuser}, expected {marks}"
        self.words += line.tdata
        self.lines += 1
        if y == self.height - 1:
            self.ends.append(axis.cycle(line.sim_time_end))

    def save(self, frames: int) -> None:
        """Write the codes."""
        codes = unpack(self.words, self.channels * self.config["pixels_per_beat"], self.config["bits"])
        np.save(self.config["file"], codes.reshape(frames, *self.config["shape"]))


def _pause(config: dict[str, Any], share: str, prefix: str) -> Pause | None:
    """Pauses of a port, its own whatever the other ports do."""
    return at_random(random.Random(f"{config['seed']} {prefix}"), config[share]) if config[share] else None


async def _until_done(tasks: list[Any], timeout: int, source: _Input, outputs: list[_Output]) -> None:
    """Wait for the tasks; a time without any line in or out is a deadlock."""
    for task in tasks:
        while not task.done():
            before = [source.lines, *(o.lines for o in outputs)]
            try:
                await with_timeout(task, timeout * axis.PERIOD_NS, "ns")
            except SimTimeoutError:
                after = [source.lines, *(o.lines for o in outputs)]
                came = ", ".join(f"{o.lines} at {o.config['prefix']}" for o in outputs)
                assert after != before, f"no line moved for {timeout} cycles: {source.lines} lines sent, {came}"
        task.result()


@cocotb.test()
async def frames(dut: Any) -> None:
    """Send all frames, receive all pixels, write them and the record."""
    config = json.loads(Path(os.environ["XNORSR_FRAME"]).read_text())
    images = np.load(config["frames"])
    Clock(dut.aclk, axis.PERIOD_NS, "ns").start()
    dut.aresetn.value = 0
    source = _Input(dut, _pause(config, "idle", "s_axis"))
    outputs = [_Output(dut, o, _pause(config, "stall", o["prefix"])) for o in config["outputs"]]
    for _ in range(4):
        await FallingEdge(dut.aclk)
    tasks = [cocotb.start_soon(o.receive(len(images))) for o in outputs]
    dut.aresetn.value = 1
    for _ in range(config["wait"]):
        await FallingEdge(dut.aclk)
    cocotb.start_soon(source.send(images, config["in_bits"]))
    cocotb.start_soon(source.see_first())
    await FallingEdge(dut.aclk)
    start = axis.cycle(get_sim_time()) + 1  # the next rising edge, the first one at which a pixel can be taken
    await _until_done(tasks, config["timeout"], source, outputs)
    for output in outputs:
        output.save(len(images))
    assert source.first is not None
    record = {
        "first_in": source.first - start,
        "last_out": [[end - start for end in o.ends] for o in outputs],
        "occupancy": {name: int(getattr(dut, name).max_occupancy_q.value) for name in config["fifos"]},
    }
    Path(config["record"]).write_text(json.dumps(record))
