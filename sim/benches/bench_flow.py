"""The bench of FIFOs and forks: what data alone do not show. Cases as in `bench_streams`."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import cocotb

from xnorsr.sim.benches.cases import Case, load
from xnorsr.sim.benches.streams import Stage, StreamSink, StreamSource, any_pause, never

CASES = load(Path(os.environ["XNORSR_CASES"]))
SEED = int(os.environ["XNORSR_SEED"])


def _of(module: str) -> list[tuple[int, Case]]:
    return [(index, case) for index, case in enumerate(CASES) if case.module == module]


class Switch:
    """A pause that the test turns on and off."""

    def __init__(self) -> None:
        self.paused = True

    def __iter__(self) -> Switch:
        return self

    def __next__(self) -> bool:
        return self.paused


@cocotb.test()
async def fifo_takes_exactly_its_depth(dut: Any) -> None:
    """With a consumer that stands still, Depth beats go in and no more; all come out in order afterwards."""
    stage, runs = Stage(dut), []
    for index, case in _of("xnorsr_fifo"):
        gate = Switch()
        source, sink = StreamSource(dut, f"u{index}_in0", never()), StreamSink(dut, f"u{index}_out0", gate)
        stage.agents += [source, sink]
        runs.append((index, case, gate, source, sink))
    await stage.reset()
    for _, case, _, source, _ in runs:
        source.send(case.inputs[0].frames[0])
    deepest = max(int(str(case.parameters["Depth"])) for _, case, *_ in runs)
    await stage.step(deepest + 10)
    for index, case, gate, source, _ in runs:
        depth = int(str(case.parameters["Depth"]))
        assert len(source.moved) == depth, f"{case.name}: took {len(source.moved)} beats, its depth is {depth}"
        assert _occupancy(dut, index) == depth
        gate.paused = False
    await stage.step(4 * deepest + 20)
    for _, case, _, _, sink in runs:
        assert sink.beats == case.inputs[0].frames[0], case.name
        if int(str(case.parameters["Depth"])) > 1:
            assert sink.moved[-1] - sink.moved[0] == len(sink.beats) - 1, f"{case.name}: gaps while it drains"


def _occupancy(dut: Any, index: int) -> int:
    return int(getattr(dut, f"u{index}").max_occupancy_q.value)


@cocotb.test()
async def fifo_reports_highest_occupancy(dut: Any) -> None:
    """max_occupancy_q is what a model counts, under random traffic."""
    rng, stage, runs = random.Random(SEED), Stage(dut), []
    for index, case in _of("xnorsr_fifo"):
        source, sink = (
            StreamSource(dut, f"u{index}_in0", any_pause(rng)),
            StreamSink(dut, f"u{index}_out0", any_pause(rng)),
        )
        stage.agents += [source, sink]
        runs.append((index, case, source, sink))
    await stage.reset()
    for _, case, source, _ in runs:
        source.send(case.inputs[0].frames[0])
    await stage.step(600)
    for index, case, source, sink in runs:
        most = inside = 0
        for cycle in range(stage.cycle):
            inside += (cycle in source.moved) - (cycle in sink.moved)
            most = max(most, inside)
        assert _occupancy(dut, index) == most, f"{case.name}: {_occupancy(dut, index)}, model {most}"


@cocotb.test()
async def fork_consumers_stall_alone(dut: Any) -> None:
    """While one output stands still, each other one takes the present beat, once, and no further one."""
    stage, runs = Stage(dut), []
    for index, case in _of("xnorsr_fork"):
        gates = [Switch() for _ in case.outputs]
        source = StreamSource(dut, f"u{index}_in0", never())
        sinks = [StreamSink(dut, f"u{index}_out{n}", gate) for n, gate in enumerate(gates)]
        stage.agents += [source, *sinks]
        runs.append((case, gates, source, sinks))
    for still in range(max(len(gates) for _, gates, *_ in runs)):
        await stage.reset()
        for case, gates, source, _ in runs:
            for n, gate in enumerate(gates):
                gate.paused = n == still
            source.send(case.inputs[0].frames[0])
        await stage.step(20)
        for case, gates, source, sinks in runs:
            if still >= len(gates):
                continue  # this fork has fewer outputs
            for n, sink in enumerate(sinks):
                expected = [] if n == still else case.inputs[0].frames[0][:1]
                assert sink.beats == expected, f"{case.name}, output {n} while {still} stands still: {sink.beats}"
            assert not source.moved, f"{case.name}: the input moved while output {still} stood still"
