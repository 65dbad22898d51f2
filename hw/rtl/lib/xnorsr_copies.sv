// Copies of an enable, each a register.
//
// Formula:     copy_o[n] is next_i[n] of the cycle before; 1 after reset.
// Range:       Copies >= 1. All bits of next_i are to be the same signal.
// Latency:     1 cycle. Interval: 1.
// Handshake:   none.
// Structure:   the net of an enable of thousands of registers is slow. Each copy goes to a part of them, one to the handshake.
//              Tools merge registers that are equal, marked with keep or not; they do not look across the border of a
//              module whose hierarchy is kept, and inside it nothing says that the bits of next_i are equal.
(* keep_hierarchy = "yes" *)
module xnorsr_copies #(
  parameter int unsigned Copies
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic [Copies-1:0] next_i,
  output logic [Copies-1:0] copy_o
);
  if (Copies < 1) begin : gen_check
    $fatal(1, "%m: Copies = %0d, must be at least 1", Copies);
  end

  logic [Copies-1:0] copy_q;
  assign copy_o = copy_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) copy_q <= '1;
    else         copy_q <= next_i;
  end
endmodule
