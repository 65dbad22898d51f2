"""SystemVerilog of a popcount netlist, with its registers."""

from __future__ import annotations

from .popcount_net import Adder, Gate, Match, Netlist
from .popcount_stages import Staging


def write_body(net: Netlist, staging: Staging | None, pipeline: int, out_name: str) -> list[str]:
    """SystemVerilog statements of a netlist.

    Args:
        staging: stages of its nets; None for a structure without registers.
        pipeline: register stages, at least those of ``staging``; what is over stands behind the outputs.
        out_name: the output, an array of words. Registers load at posedge clk_i while en_i is 1.
    """
    writer = _Writer(net, staging, pipeline)
    for index, node in enumerate(net.nodes):
        writer.node(index, node)
    words = []
    for word in net.outputs:
        words.append("{" + ", ".join(writer.ref(lit, pipeline) for lit in reversed(word)) + "}")
    for o, text in enumerate(words):
        writer.lines.append(f"  assign {out_name}[{o}] = {text};")
    return writer.finish()


#: Nets on a line: Verilator takes no line of more than 40,000 tokens, and an editor much less.
_ON_A_LINE = 12


def _wrapped(nets: list[str]) -> str:
    """A list of nets, on as many lines as it takes."""
    lines = [", ".join(nets[i : i + _ON_A_LINE]) for i in range(0, len(nets), _ON_A_LINE)]
    return lines[0] if len(lines) == 1 else "\n    " + ",\n    ".join(lines) + "\n  "


class _Writer:
    """Names nets, and finds which of them must be carried over which register stage."""

    def __init__(self, net: Netlist, staging: Staging | None, pipeline: int) -> None:
        self.net = net
        self.stage = staging.stage if staging else (0,) * len(net.level)
        self.names: dict[int, str] = {i + 1: name for i, name in enumerate(net.inputs)}
        self.held: list[dict[int, int]] = [{} for _ in range(pipeline)]
        self.lines: list[str] = []
        self.triples: list[tuple[str, str]] = []  # x and w of the matches, which stand together in one instance

    def ref(self, lit: int, stage: int) -> str:
        """Text of a literal as seen in a stage."""
        if lit <= 1:
            return f"1'b{lit}"
        number = lit >> 1
        name = self.names[number]
        for s in range(self.stage[number], stage):
            slot = self.held[s].setdefault(number, len(self.held[s]))
            name = f"pipe{s + 1}_q[{slot}]"
        return ("~" if lit & 1 else "") + name

    def node(self, index: int, node: Gate | Adder | Match) -> None:
        """Writes one node."""
        if isinstance(node, Gate):
            stage = self.stage[node.out]
            self.names[node.out] = f"g{index}"
            ins = [self.ref(lit, stage) for lit in node.ins]
            if node.kind == "maj":
                a, b, c = ins
                text = f"({a} & {b}) | ({c} & ({a} ^ {b}))"
            else:
                text = (" ^ " if node.kind == "xor" else " & ").join(ins)
            self.lines.append(f"  wire g{index} = {text};")
            return
        stage = self.stage[node.outs[0]]
        if isinstance(node, Match):
            x, w = ("{" + ", ".join(self.ref(lit, stage) for lit in reversed(side)) + "}" for side in (node.x, node.w))
            self.names |= {out: f"match[{len(self.triples)}][{k}]" for k, out in enumerate(node.outs)}
            self.triples.append((x, w))
            return
        for k, out in enumerate(node.outs):
            self.names[out] = f"s{index}[{k}]" if len(node.outs) > 1 else f"s{index}"
        a, b = ("{" + ", ".join(self.ref(lit, stage) for lit in reversed(side)) + "}" for side in (node.a, node.b))
        width = f"[{len(node.outs) - 1}:0] " if len(node.outs) > 1 else ""
        self.lines.append(f"  wire {width}s{index} = {a} + {b};")

    def finish(self) -> list[str]:
        """Register stages, then the statements."""
        head: list[str] = []
        for s, held in enumerate(self.held):
            if not held:
                continue
            head += [f"  logic [{len(held) - 1}:0] pipe{s + 1}_q;"]
        head += self._matches()
        tail: list[str] = []
        for s, held in enumerate(self.held):
            if not held:
                continue
            text = _wrapped([self._source(number, s) for number in reversed(held)])
            tail += [f"  always_ff @(posedge clk_i) if (en_i) pipe{s + 1}_q <= {{{text}}};"]
        return head + self.lines + tail

    def _matches(self) -> list[str]:
        if not self.triples:
            return []
        count = len(self.triples)
        x, w = (",\n    ".join(reversed(side)) for side in zip(*self.triples, strict=True))
        return [
            f"  wire [{count - 1}:0][1:0] match;",
            f"  xnorsr_match3 #(.Count({count})) u_match (",
            f"    .x_i({{\n    {x}\n    }}), .w_i({{\n    {w}\n    }}), .count_o(match)\n  );",
        ]

    def _source(self, number: int, stage: int) -> str:
        if self.stage[number] == stage:
            return self.names[number]
        return f"pipe{stage}_q[{self.held[stage - 1][number]}]"
