"""What a stream bench runs: module instances, what goes in, what must come out, and when.

A test makes `Case`s from goldens, `top_text` puts all of them beside each other in one top level (one compilation for
many parameter sets), and `bench_streams` drives them. No cocotb here: the test's own process uses this file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Stream:
    """One stream of a case.

    Attributes:
        bits: bits of a beat.
        frames: beats of each frame, as unsigned integers.
        masks: for outputs, the bits of each beat that count; all when empty.
    """

    bits: int
    frames: list[list[int]]
    masks: list[list[int]] = field(default_factory=list)


@dataclass
class Case:
    """One instance of a module.

    Attributes:
        name: for messages.
        module: SystemVerilog module.
        parameters: parameter -> SystemVerilog text or number.
        ports: port -> expression of in0_data, in0_valid, in0_ready, out0_data, ...; clk_i and rst_ni are added.
        inputs, outputs: streams in0, in1, ... and out0, out1, ...
        latency: cycles from the first input's transfer to the first output's, without any pause; None when not checked.
        interval: cycles from each input transfer of in0 to the next one, without any pause; None when not checked.
        times: for each output, the cycle of every transfer of all frames back to back, counted from the first transfer
            of in0, without any pause; None when not checked.
        taken: the same for each input.
        extra: more SystemVerilog beside the instance.
        ahead: frames that the outputs are ahead of the inputs, from reset on: as many more come out.
    """

    name: str
    module: str
    parameters: dict[str, object]
    ports: dict[str, str]
    inputs: list[Stream]
    outputs: list[Stream]
    latency: int | None = None
    interval: int | None = None
    times: list[list[int]] | None = None
    taken: list[list[int]] | None = None
    extra: str = ""
    ahead: int = 0


STREAM_PORTS = {
    "data_i": "in0_data", "valid_i": "in0_valid", "ready_o": "in0_ready",
    "data_o": "out0_data", "valid_o": "out0_valid", "ready_i": "out0_ready",
}  # fmt: skip


def pack(values: Sequence[int], bits: int) -> int:
    """Codes, the first one in the low bits, each as ``bits`` bits of two's complement."""
    word = 0
    for value in reversed(list(values)):
        word = (word << bits) | (int(value) & ((1 << bits) - 1))
    return word


def literal(values: Sequence[int], bits: int) -> str:
    """`pack` as a SystemVerilog literal."""
    return f"{len(values) * bits}'h{pack(values, bits):x}"


def _instance(index: int, case: Case) -> tuple[list[str], str]:
    ports, prefix = [], f"u{index}_"
    for kind, streams in (("in", case.inputs), ("out", case.outputs)):
        there, back = ("input ", "output") if kind == "in" else ("output", "input ")
        for number, stream in enumerate(streams):
            name = f"{prefix}{kind}{number}"
            ports += [f"{there} logic [{stream.bits - 1}:0] {name}_data"]
            ports += [f"{there} logic {name}_valid", f"{back} logic {name}_ready"]
    parameters = ", ".join(f".{k}({v})" for k, v in case.parameters.items())
    wiring = ", ".join(f".{k}({v})" for k, v in {"clk_i": "clk_i", "rst_ni": "rst_ni", **case.ports}.items())
    body = f"{case.module} {f'#({parameters}) ' if parameters else ''}u{index} ({wiring});\n{case.extra}"
    return ports, "  " + re.sub(r"\b((?:in|out)\d+_(?:data|valid|ready))\b", rf"{prefix}\1", body)


def top_text(cases: Sequence[Case], name: str = "bench_top") -> str:
    """A top level with one instance for each case; ports u<case>_<stream>_<signal>."""
    ports, bodies = ["input  logic clk_i", "input  logic rst_ni"], []
    for index, case in enumerate(cases):
        more, body = _instance(index, case)
        ports += more
        bodies += [f"  // {case.name}", body]
    return f"module {name} (\n  " + ",\n  ".join(ports) + "\n);\n" + "\n".join(bodies) + "\nendmodule\n"


def dump(cases: Sequence[Case], path: Path) -> None:
    """Write the cases for the bench's process."""
    path.write_text(json.dumps([asdict(case) for case in cases]))


def load(path: Path) -> list[Case]:
    """Read what `dump` wrote."""
    cases = []
    for item in json.loads(path.read_text()):
        for key in ("inputs", "outputs"):
            item[key] = [Stream(**stream) for stream in item[key]]
        cases.append(Case(**item))
    return cases
