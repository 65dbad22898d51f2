// Whether a pipeline advances: a look-up table of its own, one of several that compute the same.
//
// Formula:     advance_o = ~valid_i | ready_i.
// Range:       no parameters.
// Latency:     0 cycles. Interval: 1.
// Handshake:   none; advance_o depends on both inputs combinationally.
// Structure:   the net to hundreds of registers of a pipeline is slow, and what stands in front of it need not wait for that.
//              Tools merge equal logic; they do not look across the border of a module whose hierarchy is kept.
(* keep_hierarchy = "yes" *)
module xnorsr_advance (
  input  logic valid_i,  // something stands at the end of the pipeline
  input  logic ready_i,  // and would leave
  output logic advance_o
);
  assign advance_o = ~valid_i | ready_i;
endmodule
