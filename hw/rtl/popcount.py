"""SystemVerilog of XNOR-popcounts: constant weights with sums shared between outputs, and variable weights.

    >>> text = generate(weights, "layer3_popcount")        # weights: (outputs, inputs) of 0/1
    >>> text = generate_variable(144, 4, "pe4_simd144")    # four rows of weights from a port

In simulation the module counts with ``$countones`` (fast); synthesis builds the structure (small). The parameter
``Structure`` chooses by hand, so that a test can prove both equal. docs/popcount.md has the figures.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...errors import UserError
from .popcount_net import Netlist
from .popcount_sharing import SharingPlan, candidate_plans, plan_cost, share
from .popcount_stages import Staging, assign
from .popcount_styles import PLAIN_STYLES, add_variable
from .popcount_write import write_body

#: What structures with constant weights are called in a project; a number follows. Synthesis maps them its own way.
CONSTANT = "xnorsr_popcount_constant"
STYLES = ("auto", "loop", *PLAIN_STYLES)
PLAN_SAMPLE = 24  # outputs that candidate plans are compared on: a multiple of all their batch sizes
#: LUT levels between two registers, beside one carry chain: as few as any clock asks for (`hw.resources.clock`). More
#: would save no register, since a chain stands at the end of nearly every path of two levels.
LEVELS = 2
#: LUT levels in front of the inputs of structures with constant weights: what fills taps outside the frame.
ENTRY = 1
#: Mapped for area, what fills the taps would be spread over the LUTs of the first stage, five deep instead of two.
KEPT = ('(* keep_hierarchy = "yes" *)',)
#: What a register costs while structures are chosen, in LUTs: a LUT has two beside it, which mostly stand idle.
REGISTER_COST = 0.2


def reference(weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Popcount of XNOR(x, w): weights (outputs, inputs), x (samples, inputs) of 0/1 to counts (samples, outputs)."""
    signed_weights, signed_x = 2 * np.asarray(weights, np.int64) - 1, 2 * np.asarray(x, np.int64) - 1
    return (signed_x @ signed_weights.T + signed_weights.shape[1]) // 2


def count_bits(inputs: int) -> int:
    """Bits of a count of 0..inputs."""
    return inputs.bit_length()


def build(weights: np.ndarray, style: str = "auto", most: int | None = None) -> Netlist:
    """The netlist of a structural style; inputs x_i, one output word of count_bits(inputs) bits per weight row.

    Args:
        weights: (outputs, inputs) of 0/1.
        style: "auto", or a name of PLAIN_STYLES but "loop" (which has no netlist).
        most: register stages that it may have (see `constant_stages`); "auto" takes the cheapest structure of these.

    Raises:
        UserError: weights are not a matrix of 0/1, or the style is unknown.
    """
    weights = _checked(weights)
    names = [f"x_i[{i}]" for i in range(weights.shape[1])] if weights.shape[1] > 1 else ["x_i"]
    width = count_bits(weights.shape[1])
    if style == "auto":
        return _cheapest(weights, names, width, most)
    maker: Callable[[Netlist, np.ndarray, int], None] | None = PLAIN_STYLES.get(style)
    if maker is None:
        raise UserError(
            f"popcount style '{style}' has no structure; allowed: {', '.join(s for s in STYLES if s != 'loop')}"
        )
    net = Netlist(names)
    maker(net, weights, width)
    return net


def _cheapest(weights: np.ndarray, names: list[str], width: int, most: int | None) -> Netlist:
    """The structure of the plan that costs least, registers included; a few outputs tell which plans are cheap."""
    sample = weights[:PLAN_SAMPLE]
    plans = candidate_plans(*sample.shape)

    def shared(rows: np.ndarray, plan: SharingPlan) -> Netlist:
        net = Netlist(list(names))
        share(net, rows, width, plan)
        return net

    def cost(plan: SharingPlan) -> float:
        net = shared(sample, plan)
        return plan_cost(net) + REGISTER_COST * assign(net, LEVELS, ENTRY).registers

    ranked = sorted(plans, key=cost) if len(plans) > 1 else plans
    for plan in ranked:
        net = shared(weights, plan)
        if most is None or assign(net, LEVELS, ENTRY).count <= most:
            return net
    return build(weights, "alike")


@functools.cache
def constant_stages(inputs: int, outputs: int) -> int:
    """Register stages of a popcount with constant weights, whatever they are: known without building it.

    The style "alike" has the same depth for all weights. Sharing makes a structure deeper, by the steps from large
    batches to single outputs; plans that need more stages than are allowed for that are not taken.
    """
    deepest = assign(build(np.zeros((1, inputs), np.int64), "alike"), LEVELS, ENTRY).count
    return deepest + (0 if inputs < 6 else 1 if outputs < 8 else 2 if inputs < 200 else 3)


@functools.cache
def _variable_staging(inputs: int) -> Staging:
    return assign(build_variable(inputs, 1), LEVELS)


def variable_stages(inputs: int) -> int:
    """Register stages of a popcount with weights from a port."""
    return _variable_staging(inputs).count


def variable_registers(inputs: int) -> int:
    """Registers of a popcount with weights from a port; synthesis makes shift registers of some."""
    return _variable_staging(inputs).registers


def generate(weights: np.ndarray, name: str, style: str = "auto", pipeline: int = 0) -> str:
    """A module with constant weights: count_o[o] = popcount(XNOR(x_i, weights[o])).

    Args:
        weights: (outputs, inputs) of 0/1; code 1 stands for +1.
        name: module name.
        style: "auto" for the cheapest structure found; others are for comparison (see STYLES).
        pipeline: register stages, the last one at the outputs; count_o is this many cycles of en_i = 1 behind x_i.
            0, for a structure without registers, or at least what the structure needs: no stage then has more than
            `LEVELS` LUT levels, with one more in front of x_i, and one carry chain.

    Returns:
        SystemVerilog text; the same arguments give the same text.

    Raises:
        UserError: weights are not a matrix of 0/1, the style is unknown, or pipeline is negative or too small.
    """
    weights = _checked(weights)
    outputs, inputs = weights.shape
    if style not in STYLES:
        raise UserError(f"unknown popcount style '{style}'; allowed: {', '.join(STYLES)}")
    if style == "loop":
        structure, depth = _loop(inputs, outputs, f"x_i[i] ~^ Weights[o * {inputs} + i]", pipeline), 0
    else:
        net = build(weights, style, pipeline or None)
        structure, depth = _structure(net, pipeline, ENTRY), net.depth()
    rows = ",\n".join(f"    {inputs}'h{_hex(row)}" for row in weights[::-1])
    table = [
        f"  localparam logic [{outputs * inputs - 1}:0] Weights = {{  // row o from bit {inputs} * o on",
        rows,
        "  };",
    ]
    about = [
        f"// XNOR-popcount of {inputs} inputs with {outputs} rows of constant weights.",
        f"// Structure '{style}', {depth} logic levels{_in_stages(pipeline)}.",
        "// count_o[o] = number of i with x_i[i] == bit i of Weights row o.",
        f"// Range 0..{inputs}. Latency {pipeline} cycles, a new input every cycle.",
        "// Sums are shared between outputs, so weights cannot be edited here: generate the module again.",
    ]
    ports = [f"  input  logic [{inputs - 1}:0] x_i,"]
    return _module(
        about,
        name,
        ports,
        table,
        structure,
        (inputs, outputs),
        f"x_i ~^ Weights[o * {inputs} +: {inputs}]",
        pipeline,
        KEPT,
    )


def generate_variable(inputs: int, outputs: int, name: str, style: str = "auto", pipeline: int = 0) -> str:
    """A module with weights from a port: count_o[o] = popcount(XNOR(x_i, w_i[o])).

    Args:
        inputs: bits per row (SIMD).
        outputs: rows (PE).
        name: module name. "auto" instantiates xnorsr_match3 (hw/rtl/lib).
        style: "auto" or, for comparison, "tree" or "loop".
        pipeline: register stages as in `generate`, for x_i and w_i out of registers.

    Raises:
        UserError: a size below 1, a negative or too small pipeline or an unknown style.
    """
    if inputs < 1 or outputs < 1:
        raise UserError(f"popcount needs at least 1 input and 1 output, got {inputs} and {outputs}")
    if style == "loop":
        structure, depth = _loop(inputs, outputs, "x_i[i] ~^ w_i[o][i]", pipeline), 0
    else:
        net = build_variable(inputs, outputs, style)
        structure, depth = _structure(net, pipeline, 0), net.depth()
    about = [
        f"// XNOR-popcount of {inputs} inputs with {outputs} rows of weights from a port.",
        f"// Structure '{style}', {depth} logic levels{_in_stages(pipeline)}.",
        "// count_o[o] = number of i with x_i[i] == w_i[o][i].",
        f"// Range 0..{inputs}. Latency {pipeline} cycles, a new input every cycle.",
    ]
    ports = [f"  input  logic [{inputs - 1}:0] x_i,", f"  input  logic [{outputs - 1}:0][{inputs - 1}:0] w_i,"]
    return _module(about, name, ports, [], structure, (inputs, outputs), "x_i ~^ w_i[o]", pipeline)


def build_variable(inputs: int, outputs: int, style: str = "auto") -> Netlist:
    """The netlist with variable weights: inputs x_i, then w_i row by row.

    Raises:
        UserError: unknown style.
    """
    names = [f"x_i[{i}]" for i in range(inputs)]
    names += [f"w_i[{o}][{i}]" for o in range(outputs) for i in range(inputs)]
    net = Netlist(names)
    add_variable(net, inputs, outputs, count_bits(inputs), style)
    return net


def _structure(net: Netlist, pipeline: int, entry: int) -> list[str]:
    """Statements of a netlist with so many register stages."""
    if pipeline <= 0:
        return write_body(net, None, 0, "count_o")
    staging = assign(net, LEVELS, entry)
    if pipeline < staging.count:
        raise UserError(
            f"popcount pipeline of {pipeline} register stages: this structure needs {staging.count}, or 0 for none"
        )
    return write_body(net, staging, pipeline, "count_o")


def _in_stages(pipeline: int) -> str:
    return f" in {pipeline} stages, none with more than {LEVELS} and one carry chain" if pipeline else ""


def _checked(weights: Any) -> np.ndarray:
    weights = np.asarray(weights)
    if weights.ndim != 2 or 0 in weights.shape or not np.isin(weights, (0, 1)).all():
        raise UserError(f"popcount weights must be a matrix (outputs, inputs) of 0/1, got shape {weights.shape}")
    return weights.astype(np.int64)


def _hex(row: np.ndarray) -> str:
    return f"{int(''.join(str(b) for b in row[::-1]), 2):x}"


def _loop(inputs: int, outputs: int, bit: str, pipeline: int) -> list[str]:
    width = count_bits(inputs)
    if pipeline:
        raise UserError("popcount style 'loop' is a yardstick without registers: pipeline must be 0")
    return [
        "  always_comb begin",
        f"    for (int o = 0; o < {outputs}; o++) begin",
        "      count_o[o] = '0;",
        f"      for (int i = 0; i < {inputs}; i++) count_o[o] = count_o[o] + {width}'({{1'b0, {bit}}});",
        "    end",
        "  end",
    ]


def _module(
    about: list[str],
    name: str,
    ports: list[str],
    table: list[str],
    structure: list[str],
    size: tuple[int, int],
    bits: str,
    pipeline: int,
    kept: Sequence[str] = (),
) -> str:
    """A module of two alternatives: the structure, and $countones with the same latency."""
    if pipeline < 0:
        raise UserError(f"popcount pipeline must be 0 or more register stages, got {pipeline}")
    inputs, outputs = size
    width = count_bits(inputs)
    clock = ["  input  logic clk_i,", "  input  logic en_i,"] if pipeline else []
    counts = f"logic [{outputs - 1}:0][{width - 1}:0]"
    simple = [f"  {counts} count;"]
    simple += [f"  for (genvar o = 0; o < {outputs}; o++) begin : g_count"]
    simple += [f"    assign count[o] = {width}'($countones({bits}));", "  end"]
    last = "count"
    for s in range(1, pipeline + 1):
        simple += [f"  {counts} count{s}_q;", f"  always_ff @(posedge clk_i) if (en_i) count{s}_q <= {last};"]
        last = f"count{s}_q"
    simple += [f"  assign count_o = {last};"]
    lines = [
        *about,
        "// Structure = 1 builds the synthesis structure, 0 counts with $countones; values and latency are the same.",
        *kept,
        f"module {name} #(",
        "`ifdef SYNTHESIS",
        "  parameter bit Structure = 1'b1",
        "`else",
        "  parameter bit Structure = 1'b0",
        "`endif",
        ") (",
        *clock,
        *ports,
        f"  output {counts} count_o",
        ");",
        *table,
        "  if (Structure) begin : g_structure",
        "  // Top positions of some chains bring no bit that is needed.",
        "  /* verilator lint_off UNUSEDSIGNAL */",
        *structure,
        "  /* verilator lint_on UNUSEDSIGNAL */",
        "  end else begin : g_simple",
        *simple,
        "  end",
        "endmodule",
        "",
    ]
    return "\n".join(lines)
