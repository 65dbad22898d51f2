"""Modules that only move beats (register slice, FIFO, fork, width converter), and requantization by itself."""

from pathlib import Path

import numpy as np
import pytest

from xnorsr.hw.rtl.module import requant_cycles
from xnorsr.hw.types import Requant, bits_for
from xnorsr.sim.benches.cases import STREAM_PORTS, Case, Stream, pack
from xnorsr.sim.benches.op_cases import run_cases

pytestmark = pytest.mark.eda


def _words(rng: np.random.Generator, bits: int, count: int) -> list[int]:
    return [int(n) for n in rng.integers(0, 1 << bits, count)]


def _flow_cases(rng: np.random.Generator) -> list[Case]:
    """Register slices, FIFOs and forks of several widths; depths around powers of two."""
    cases = []
    for depth in [1, 2, 3, 4, 5, 7, 8, 9, 17, 32]:
        bits = int(rng.integers(1, 40))
        frames = [_words(rng, bits, depth + 40), _words(rng, bits, 60)]
        interval = 2 if depth == 1 else 1
        for style in (0, 1) if depth > 4 else (0,):
            parameters = {"Bits": bits, "Depth": depth, "Style": style}
            streams = [Stream(bits, frames)], [Stream(bits, frames)]
            latency = 1 if depth <= 2 else 2 + style
            name = f"fifo {depth} style {style}"
            cases.append(Case(name, "xnorsr_fifo", dict(parameters), STREAM_PORTS, *streams, latency, interval))
    for bits in (1, 13):
        frames = [_words(rng, bits, 70)]
        streams = [Stream(bits, frames)], [Stream(bits, frames)]
        cases.append(Case(f"skid {bits}", "xnorsr_skid", {"Bits": bits}, STREAM_PORTS, *streams, 1, 1))
    for outputs in (2, 3, 5):
        frames = [_words(rng, 9, 60), _words(rng, 9, 10)]
        each = range(outputs)
        ports = {
            "data_i": "in0_data", "valid_i": "in0_valid", "ready_o": "in0_ready", "data_o": "out0_data",
            "valid_o": "{" + ", ".join(f"out{n}_valid" for n in reversed(each)) + "}",
            "ready_i": "{" + ", ".join(f"out{n}_ready" for n in reversed(each)) + "}",
        }  # fmt: skip
        extra = "".join(f"  assign out{n}_data = out0_data;\n" for n in each if n)
        parameters = {"Bits": 9, "Outputs": outputs}
        streams = [Stream(9, frames)], [Stream(9, frames) for _ in each]
        cases.append(Case(f"fork {outputs}", "xnorsr_fork", dict(parameters), ports, *streams, 0, 1, extra=extra))
    return cases


@pytest.mark.parametrize("bench", ["bench_streams", "bench_flow"])
def test_flow(bench: str, tmp_path: Path) -> None:
    seed = 31
    cases = _flow_cases(np.random.default_rng(seed))
    run_cases(cases, tmp_path / "bench", seed, bench=f"xnorsr.sim.benches.{bench}")


def test_gearbox(tmp_path: Path) -> None:
    # Widening and narrowing by 2, 3 and more, and equal widths
    seed = 32
    rng = np.random.default_rng(seed)
    cases = []
    for channels_in, channels_out in [(1, 2), (2, 6), (1, 7), (2, 1), (9, 3), (8, 1), (3, 3)]:
        bits = int(rng.integers(1, 8))
        codes = [rng.integers(0, 1 << bits, 24 * max(channels_in, channels_out)) for _ in range(2)]
        wide = [
            Stream(bits * n, [[pack(part, bits) for part in frame.reshape(-1, n)] for frame in codes])
            for n in (channels_in, channels_out)
        ]
        ratio = max(channels_in, channels_out) // min(channels_in, channels_out)
        cases.append(
            Case(
                f"gearbox {channels_in} to {channels_out}",
                "xnorsr_gearbox",
                {"InChannels": channels_in, "OutChannels": channels_out, "Bits": bits},
                STREAM_PORTS,
                wide[:1],
                wide[1:],
                latency=ratio if channels_out > channels_in else 1,
                interval=ratio if channels_out > channels_in else 1,
            )
        )
    run_cases(cases, tmp_path / "bench", seed)


SHELL_STREAM = """
module shell_stream #(
  parameter int unsigned Channels, parameter int unsigned Pe, parameter int unsigned Bits,
  parameter int unsigned Stages
) (
  input logic clk_i, input logic rst_ni,
  input logic [Channels*Bits-1:0] data_i, input logic valid_i, output logic ready_o,
  output logic [Channels*Bits-1:0] data_o, output logic valid_o, input logic ready_i
);
  logic [Pe*Bits-1:0]                                         part, next;
  logic [Stages-1:0][Pe*Bits-1:0]                             stage_q;
  logic [(Channels > Pe ? $clog2(Channels / Pe) : 1) - 1 : 0] fold;
  logic                                                       en;
  for (genvar p = 0; p < Pe; p++) begin : gen_lane
    assign next[p*Bits+:Bits] = part[p*Bits+:Bits] + Bits'(fold);
  end
  always_ff @(posedge clk_i) begin
    if (en) stage_q <= (Stages*Pe*Bits)'({stage_q, next});
  end
  xnorsr_shell #(.Channels(Channels), .Pe(Pe), .InBits(Bits), .OutBits(Bits), .Stages(Stages)) u_shell (
    .clk_i, .rst_ni, .data_i, .valid_i, .ready_o, .part_o(part), .fold_o(fold), .en_o(en), .result_i(stage_q[Stages-1]),
    .data_o, .valid_o, .ready_i
  );
endmodule
"""


def test_shell(tmp_path: Path) -> None:
    # A pipeline that adds the part's number: one part, two, and more than the pipeline has stages, and fewer
    seed = 34
    rng = np.random.default_rng(seed)
    cases = []
    for channels, pe, stages in [(4, 4, 3), (6, 3, 1), (6, 2, 5), (5, 1, 12), (8, 1, 2)]:
        folds, bits = channels // pe, 5
        codes = [rng.integers(0, 1 << bits, (40, channels)) for _ in range(2)]
        added = np.arange(channels) // pe
        sent = [[pack(pixel, bits) for pixel in frame] for frame in codes]
        wanted = [[pack((pixel + added) % (1 << bits), bits) for pixel in frame] for frame in codes]
        cases.append(
            Case(
                f"{channels} channels by {pe}, {stages} stages",
                "shell_stream",
                {"Channels": channels, "Pe": pe, "Bits": bits, "Stages": stages},
                STREAM_PORTS,
                [Stream(bits * channels, sent)],
                [Stream(bits * channels, wanted)],
                latency=stages if folds == 1 else stages + 1 + folds,
                interval=folds,
            )
        )
    run_cases(cases, tmp_path / "bench", seed, text=SHELL_STREAM)


REQUANT_STREAM = """
module requant_stream #(
  parameter int unsigned InBits, parameter int Shift, parameter int unsigned Divisor, parameter int Lo,
  parameter int Hi, parameter int unsigned OutBits, parameter int unsigned LogicLevels,
  parameter int unsigned Stages
) (
  input logic clk_i, input logic rst_ni,
  input logic [InBits-1:0] data_i, input logic valid_i, output logic ready_o,
  output logic [OutBits-1:0] data_o, output logic valid_o, input logic ready_i
);
  logic [Stages-1:0] valid_q;
  assign ready_o = ~valid_o | ready_i;
  assign valid_o = valid_q[Stages-1];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else if (ready_o) valid_q <= Stages'({valid_q, valid_i});
  end
  xnorsr_requant #(
    .InBits(InBits), .Shift(Shift), .Divisor(Divisor), .Lo(Lo), .Hi(Hi), .OutBits(OutBits), .LogicLevels(LogicLevels)
  ) u_requant (
    .clk_i(clk_i), .en_i(ready_o), .x_i(data_i), .y_o(data_o)
  );
endmodule
"""


def test_requant(tmp_path: Path) -> None:
    # Every input code for 9 bits: all ties, both signs, both ends. Shifts left, none, right, beyond the input's width.
    seed = 33
    rng = np.random.default_rng(seed)
    cases = []
    for divisor in (1, 3, 9, 25):
        for shift in (-3, -1, 0, 1, 2, 5, 8, 9, 12):
            lo, hi = sorted(int(n) for n in rng.integers(-300, 300, 2))
            requant = Requant(shift, lo, hi, divisor)
            codes = np.arange(-256, 256)
            bits, _ = bits_for(lo, hi)
            out = [int(y) & ((1 << bits) - 1) for y in requant(codes)]
            levels = 2 + shift % 3
            stages = requant_cycles(requant, levels)
            parameters: dict[str, object] = {
                "InBits": 9, "Shift": shift, "Divisor": divisor, "Lo": lo, "Hi": hi, "OutBits": bits,
                "LogicLevels": levels, "Stages": stages,
            }  # fmt: skip
            frames = [[int(c) & 511 for c in codes]]
            streams = [Stream(9, frames)], [Stream(bits, [out])]
            name = f"shift {shift} divisor {divisor} to {lo}..{hi}"
            cases.append(Case(name, "requant_stream", parameters, STREAM_PORTS, *streams, stages, 1))
    run_cases(cases, tmp_path / "bench", seed, text=REQUANT_STREAM)
