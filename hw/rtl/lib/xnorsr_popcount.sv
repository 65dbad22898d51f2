// Popcount of a variable vector, pipelined.
//
// Formula:     count_o = number of ones of bits_i.
// Range:       Inputs, Latency >= 1; CountBits >= clog2(Inputs + 1).
// Latency:     Latency cycles while en_i is 1. Interval: 1.
// Handshake:   none; en_i = 0 holds all registers.
// Structure:   simulation: $countones and a delay. Under SYNTHESIS with Structural = 1: xnorsr_popcount_tree.
module xnorsr_popcount #(
  parameter int unsigned Inputs,
  parameter int unsigned CountBits,
  parameter int unsigned Latency,
  parameter bit          Structural
) (
  input  logic                 clk_i,
  input  logic                 en_i,
  input  logic [Inputs-1:0]    bits_i,
  output logic [CountBits-1:0] count_o
);
`ifdef SYNTHESIS
  if (Structural) begin : gen_tree
    xnorsr_popcount_tree #(.Inputs(Inputs), .CountBits(CountBits), .Latency(Latency)) u_tree (
      .clk_i, .en_i, .bits_i, .count_o
    );
  end else
`endif
  begin : gen_countones
    logic [Latency-1:0][CountBits-1:0] count_q;
    always_ff @(posedge clk_i) begin
      if (en_i) count_q <= (Latency*CountBits)'({count_q, CountBits'($countones(bits_i))});
    end
    assign count_o = count_q[Latency-1];
  end
`ifndef SYNTHESIS
  if (Structural) begin : gen_unused  // of no meaning in simulation
  end
`endif
endmodule
