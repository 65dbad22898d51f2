"""The FIFO that an operator asks for, tried out: a copy of its first input waits beside it and meets its output.

    in0 --+-- slice -- operator -- lockstep -- out
          +---- FIFO of depth ----+

`lockstep` gives a beat of the operator's output only together with the beat of the copy that stands at the same share
of the frame. With the depth that `hw.resources.fifos` computes, the copy must never stop the operator: the beats leave
when the operator's schedule says, and no pattern of pauses ends in a deadlock. The slice is the one that stands in
front of every layer; the HLS streams are two words deep instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.hw.hls.kernel_bench import pixels as c_type
from xnorsr.hw.hls.text import shape_text
from xnorsr.hw.network import Network, Node, Stream
from xnorsr.hw.ops.base import OneOutput, Op, Side
from xnorsr.hw.ops.fork import Fork
from xnorsr.hw.resources.arrival import Passage, Times, together
from xnorsr.hw.resources.fifos import fifo_depths
from xnorsr.hw.resources.slices import SLICE_CYCLES, is_cut
from xnorsr.hw.types import StreamType
from xnorsr.sim.benches.cases import Case
from xnorsr.sim.benches.cases import Stream as BenchStream
from xnorsr.sim.benches.op_cases import beats, flow_times, random_codes, stream_ports

#: Frames that follow each other in `cpp_claim`.
FRAMES = 3


@dataclass(frozen=True, eq=False)
class Lockstep(OneOutput):
    """What the two branches meet in; only its streams and its timing are real."""

    op_type = "Lockstep"

    def timing(self, side: Side):  # type: ignore[no-untyped-def]
        return self.pointwise(1, 0)

    def flow(self, arrivals: Sequence[Times]) -> Passage:
        """As `SV_LOCKSTEP` takes beats: the side with fewer of them keeps each until its whole group has gone."""
        beats = max(times.size for times in arrivals)
        groups = [beats // times.size for times in arrivals]
        pairs = [np.repeat(times, group) for times, group in zip(arrivals, groups, strict=True)]
        (both, _), given = together(pairs, 1, 0)
        return Passage(tuple(both[group - 1 :: group] for group in groups), given)


# Nothing else of it is ever asked; the registry would refuse it.
Lockstep.__abstractmethods__ = frozenset()  # type: ignore[attr-defined]


def skip_depth(op: Op, side: Side) -> int:
    """Words of the FIFO beside an operator, by the project's own algorithm."""
    kind = op.inputs[0]
    join = Lockstep((op.outputs[0], kind), op.outputs[0])
    kinds = {"x": kind, "long": kind, "short": kind, "out": join.output}
    others = [f"other{n}" for n in range(1, len(op.inputs))]
    kinds.update(zip(others, op.inputs[1:], strict=True))
    results = [f"y{n}" for n in range(len(op.outputs))]
    kinds.update(zip(results, op.outputs, strict=True))
    # Further inputs come straight from the network's input: they are as early as the first one.
    copies = ("long", "short", *others)
    nodes = (
        Node("fork", Fork((kind,), len(copies)), ("x",), copies, "fork"),
        Node("op", op, ("long", *others), tuple(results), "op"),
        Node("join", join, (results[0], "short"), ("out",), "join"),
    )
    streams = {name: Stream(name, name, k) for name, k in kinds.items()}
    return fifo_depths(Network("x", ("out", *results[1:]), nodes, streams), side)["short"]


def slice_cycles(op: Op) -> int:
    """Cycles of the slice in front of an operator: none in front of wires."""
    return SLICE_CYCLES * is_cut(Node("op", op, (), (), "op"))


def ratio(op: Op) -> tuple[int, int]:
    """(beats of the output, beats of the copy) that go together; one of them is 1."""
    a, b = op.outputs[0].pixels, op.inputs[0].pixels
    assert a % b == 0 or b % a == 0, f"{a} and {b} beats per frame do not share out evenly"
    return (a // b, 1) if a >= b else (1, b // a)


SV_LOCKSTEP = """
// Output beats of the operator, each with the copy's beat that stands at the same share of the frame.
module claim_lockstep #(parameter int A = 1, B = 1, BitsA = 1, BitsB = 1) (
  input  logic clk_i, rst_ni,
  input  logic [BitsA-1:0] a_data_i, input logic a_valid_i, output logic a_ready_o,
  input  logic [BitsB-1:0] b_data_i, input logic b_valid_i, output logic b_ready_o,
  output logic [BitsA+BitsB-1:0] data_o, output logic valid_o, input logic ready_i
);
  int a_q, b_q;  // beats of this group that have gone
  logic move, last_a, last_b;
  assign valid_o = a_valid_i & b_valid_i;
  assign data_o  = {b_data_i, a_data_i};
  assign move    = valid_o & ready_i;
  // One of A and B is 1: the other side's beat stays until its whole group has gone.
  assign last_a = a_q == A - 1;
  assign last_b = b_q == B - 1;
  assign a_ready_o = move & last_b;
  assign b_ready_o = move & last_a;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      a_q <= 0;
      b_q <= 0;
    end else if (move) begin
      a_q <= last_a ? 0 : a_q + 1;
      b_q <= last_b ? 0 : b_q + 1;
    end
  end
endmodule
"""


def sv_wrapper(name: str, op: Op, depth: int) -> str:
    """A module like the layer's, with the copy beside it; its output holds both words."""
    kind, out = op.inputs[0], op.outputs[0]
    a, b = ratio(op)
    ports = [f"input logic [{k.word_bits - 1}:0] src{n}_data, input logic src{n}_valid, output logic src{n}_ready"
             for n, k in enumerate(op.inputs)]  # fmt: skip
    ports += [f"output logic [{k.word_bits - 1}:0] dst{n}_data, output logic dst{n}_valid, input logic dst{n}_ready"
              for n, k in enumerate(op.outputs) if n]  # fmt: skip
    both = out.word_bits + kind.word_bits
    ports += [f"output logic [{both - 1}:0] dst0_data, output logic dst0_valid, input logic dst0_ready"]
    wiring = stream_ports(op)
    swap = {"in0_data": "fork_data", "in0_valid": "fork_valid[0]", "in0_ready": "fork_ready[0]"}
    swap |= {"out0_data": "y_data", "out0_valid": "y_valid", "out0_ready": "y_ready"}

    def outside(signal: str) -> str:
        return swap.get(signal) or signal.replace("in", "src").replace("out", "dst")

    cut, slices = slice_cycles(op), ""
    for n, k in enumerate(op.inputs if cut else ()):
        slices += (
            f"  logic [{k.word_bits - 1}:0] cut{n}_data; logic cut{n}_valid, cut{n}_ready;\n"
            f"  xnorsr_skid #(.Bits({k.word_bits})) u_slice{n} (.clk_i, .rst_ni, .data_i({outside(f'in{n}_data')}), "
            f".valid_i({outside(f'in{n}_valid')}), .ready_o({outside(f'in{n}_ready')}), .data_o(cut{n}_data), "
            f".valid_o(cut{n}_valid), .ready_i(cut{n}_ready));\n"
        )
    inner = {
        port: signal.replace("in", "cut") if cut and signal.startswith("in") else outside(signal)
        for port, signal in wiring.items()
    }
    connect = ", ".join(f".{port}({signal})" for port, signal in inner.items())
    skip = "skip_data", "skip_valid", "skip_ready"
    fifo = (
        f"  xnorsr_fifo #(.Bits({kind.word_bits}), .Depth({depth})) u_fifo (.clk_i, .rst_ni, .data_i(fork_data), "
        ".valid_i(fork_valid[1]), .ready_o(fork_ready[1]), .data_o(skip_data), .valid_o(skip_valid), "
        ".ready_i(skip_ready));"
        if depth
        else "  assign skip_data = fork_data, skip_valid = fork_valid[1], fork_ready[1] = skip_ready;"
    )
    return f"""
module claim_{name} (input logic clk_i, rst_ni, {", ".join(ports)});
  logic [{kind.word_bits - 1}:0] fork_data, {skip[0]};
  logic [1:0] fork_valid, fork_ready;
  logic {skip[1]}, {skip[2]}, y_valid, y_ready;
  logic [{out.word_bits - 1}:0] y_data;
  xnorsr_fork #(.Bits({kind.word_bits}), .Outputs(2)) u_fork (.clk_i, .rst_ni, .data_i(src0_data), .valid_i(src0_valid),
    .ready_o(src0_ready), .data_o(fork_data), .valid_o(fork_valid), .ready_i(fork_ready));
{slices}  xnorsr_layer_{name} u_op (.clk_i, .rst_ni, {connect});
{fifo}
  claim_lockstep #(.A({a}), .B({b}), .BitsA({out.word_bits}), .BitsB({kind.word_bits})) u_lockstep (.clk_i, .rst_ni,
    .a_data_i(y_data), .a_valid_i(y_valid), .a_ready_o(y_ready), .b_data_i(skip_data), .b_valid_i(skip_valid),
    .b_ready_o(skip_ready), .data_o(dst0_data), .valid_o(dst0_valid), .ready_i(dst0_ready));
endmodule
"""


def claim_case(name: str, op: Op, rng: np.random.Generator, frames: int) -> Case:
    """A case of `sv_wrapper`: both words, and the beats when the operator alone gives them."""
    images = [[random_codes(rng, kind) for kind in op.inputs] for _ in range(frames)]
    outs = op.play(images)
    a, b = ratio(op)
    first = []
    for image, out in zip(images, outs, strict=True):
        words, copy = beats(out[0], op.outputs[0]), beats(image[0], op.inputs[0])
        count = max(len(words), len(copy))
        shift = op.outputs[0].word_bits
        first.append([words[n // b] | copy[n // a] << shift for n in range(count)])
    streams = [BenchStream(op.outputs[0].word_bits + op.inputs[0].word_bits, first)]
    streams += [
        BenchStream(kind.word_bits, [beats(out[n], kind) for out in outs]) for n, kind in enumerate(op.outputs) if n
    ]
    signals = [f"{d}{n}" for d, kinds in (("in", op.inputs), ("out", op.outputs)) for n in range(len(kinds))]
    return Case(
        name=f"claim {name}",
        module=f"claim_{name}",
        parameters={},
        ports={
            f"{s.replace('in', 'src').replace('out', 'dst')}_{part}": f"{s}_{part}"
            for s in signals
            for part in ("data", "valid", "ready")
        },
        inputs=[BenchStream(k.word_bits, [beats(image[n], k) for image in images]) for n, k in enumerate(op.inputs)],
        outputs=streams,
        times=flow_times(op, frames, slice_cycles(op)) if b == 1 else None,
    )


def cpp_claim(name: str, op: Op, depth: int) -> str:
    """A function that runs kernel, sources and lockstep as concurrent processes; codes as in kernel_bench."""
    what = op.kernel(name)
    a, b = ratio(op)
    kinds = {f"in_{n}": k for n, k in enumerate(op.inputs)} | {f"out_{n}": k for n, k in enumerate(op.outputs)}
    lines = [rom.declaration(name) for rom in what.roms]
    lines += [f"struct {name}_shape {{\n{shape_text(what)}\n}};"]
    lines += [f"struct {name}_cfg : {name}_shape {{ typedef {name}_shape shape; }};"]
    lines += [f"static int run_{name}(const int64_t *const *in, int64_t *const *out) {{"]
    lines += [f'    hls::stream<{c_type(k)}::word> {s}("{s}", 2);' for s, k in kinds.items()]
    lines += [f'    hls::stream<{c_type(op.inputs[0])}::word> skip("skip", {depth});', "    hls::Processes processes;"]
    lines += [_source(n, kind) for n, kind in enumerate(op.inputs)]
    arguments = ", ".join([*kinds, *(f"{name}_{rom.name}" for rom in what.roms)])
    call = f"xnorsr::{what.function}<{name}_cfg>({arguments});"
    lines += [f"    processes.add([&] {{ for (int n = 0; n < {FRAMES}; n++) {call} }});"]
    lines += [_sink(n, kind, a, b, op.inputs[0]) for n, kind in enumerate(op.outputs)]
    return "\n".join([*lines, "    processes.run();", "    return 0;", "}"])


def _every(kind: StreamType) -> str:
    return f"for (int n = 0; n < {FRAMES}; n++) for (int t = 0; t < {kind.pixels}; t++)"


def _source(number: int, kind: StreamType) -> str:
    copy = " skip.write(word);" if number == 0 else ""
    return (
        f"    processes.add([&] {{ {_every(kind)} {{ "
        f"const auto word = xnorsr::pack<{c_type(kind)}>(in[{number}] + t * {kind.channels}); "
        f"in_{number}.write(word);{copy} }} }});"
    )


def _sink(number: int, kind: StreamType, a: int, b: int, copy: StreamType) -> str:
    """Reads an output; the first one in step with the copy, `a` beats for `b` of the copy's."""
    read = f"xnorsr::unpack<{c_type(kind)}>(out_{number}.read(), out[{number}] + t * {kind.channels});"
    if number:
        return f"    processes.add([&] {{ {_every(kind)} {read} }});"
    check = (
        f"for (int k = 0; k < {b}; k++) {{ if (skip.read() != xnorsr::pack<{c_type(copy)}>"
        f"(in[0] + (t / {a} * {b} + k) * {copy.channels})) std::_Exit(4); }}"
    )
    body = f"{read} if (t % {a} == 0) {{ {check} }}"
    return f"    processes.add([&] {{ {_every(kind)} {{ {body} }} }});"
