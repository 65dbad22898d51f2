"""Identifiers for foreign names: legal and unique in C++ and SystemVerilog, short, the same on every run.

A QONNX file may call its nodes and tensors anything. Generated text holds the identifiers that `Names` made, never a
name out of a file; the lowered network keeps which identifier stands for which name (`hw.network.Stream.tensor`,
`hw.network.Node.source`).
"""

from __future__ import annotations

import re

#: Letters and digits that an identifier may have; longer names are cut.
LONGEST = 48

_CPP = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl concept const constexpr continue
decltype default delete do double dynamic_cast else enum explicit export extern false float for friend goto if inline
int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public register requires
return short signed sizeof static struct switch template this throw true try typedef typeid typename union unsigned
using virtual void volatile while xor xor_eq
"""
_SYSTEMVERILOG = """
accept_on alias always always_comb always_ff always_latch assert assign assume automatic before begin bind bins binsof
bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking cmos config const constraint
context continue cover covergroup coverpoint cross deassign default defparam design disable dist do edge else end
endcase endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface endmodule endpackage
endprimitive endprogram endproperty endsequence endspecify endtable endtask enum event eventually expect export extends
extern final first_match for force foreach forever fork forkjoin function generate genvar global highz0 highz1 if iff
ifnone ignore_bins illegal_bins implements implies import incdir include initial inout input inside instance int integer
interconnect interface intersect join join_any join_none large let liblist library local localparam logic longint
macromodule matches medium modport module nand negedge nettype new nexttime nmos nor noshowcancelled not notif0 notif1
null or output package packed parameter pmos posedge primitive priority program property protected pull0 pull1 pulldown
pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase randsequence rcmos real realtime ref reg
reject_on release repeat restrict return rnmos rpmos rtran rtranif0 rtranif1 s_always s_eventually s_nexttime s_until
s_until_with scalared sequence shortint shortreal showcancelled signed small soft solve specify specparam static string
strong strong0 strong1 struct super supply0 supply1 sync_accept_on sync_reject_on table tagged task this throughout time
timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand trior trireg type typedef union unique unique0 unsigned
until until_with untyped use uwire var vectored virtual void wait wait_order wand weak weak0 weak1 while wildcard wire
with within wor xnor xor
"""
# What generated text calls things of its own, and keys of hls4ml's layers, among which streams' names stand as well.
_OURS = """
hls main std xnorsr nnet video_in video_out network_in network_out pixels_in pixels_out aclk aresetn input output spec
source stream streams name index inputs outputs class_name input_shape type_name trace result
"""
_TAKEN = frozenset(" ".join((_CPP, _SYSTEMVERILOG, _OURS)).split())


class Names:
    """Gives each name one identifier: lower case, so that names differing in case only stay apart everywhere.

    Names are kept apart by what they stand for (`role`), so that a layer and a tensor of one name get two identifiers.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], str] = {}
        self._used: set[str] = set(_TAKEN)

    def __call__(self, name: str, role: str = "") -> str:
        """The identifier of a name; a name without a letter or digit becomes ``x``."""
        key = (role, name)
        if key not in self._made:
            self._made[key] = self.fresh(name)
        return self._made[key]

    def fresh(self, wish: str) -> str:
        """A new identifier that resembles `wish`."""
        base = re.sub(r"[^a-z0-9]+", "_", wish.lower())[:LONGEST].strip("_") or "x"
        base = f"n_{base}" if base[0].isdigit() else base
        made, count = base, 1
        while made in self._used:
            made, count = f"{base}_{count}", count + 1
        self._used.add(made)
        return made
