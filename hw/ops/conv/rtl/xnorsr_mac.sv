// One multiply-add as a DSP slice has it: registered operands, product and sum; the sum of the slice before it comes in.
//
// Formula:     p_o = p_i + x_i * w_i, modulo 2**PBits; all numbers are two's complement.
// Range:       XBits, WBits, PBits >= 1; one DSP48E1 up to 25 x 18 bits, one DSP48E2 up to 27 x 18 bits, PBits up to 48.
// Latency:     3 cycles from x_i and w_i, 1 cycle from p_i, while en_i is 1. Interval: 1.
// Handshake:   none; en_i = 0 holds all registers.
// Structure:   A, B, M and P registers of the slice, and its cascade PCIN where p_i is the p_o of another one. No unpacked array is
//              written here: Yosys makes memories of those before it looks for registers to put into slices.
(* use_dsp = "yes" *)
module xnorsr_mac #(
  parameter int unsigned XBits,
  parameter int unsigned WBits,
  parameter int unsigned PBits,
  parameter bit          Cascade  // p_i is used; without it, it is 0
) (
  input  logic                    clk_i,
  input  logic                    en_i,
  input  logic signed [XBits-1:0] x_i,
  input  logic signed [WBits-1:0] w_i,
  input  logic signed [PBits-1:0] p_i,
  output logic signed [PBits-1:0] p_o
);
  localparam int unsigned MBits = XBits + WBits < PBits ? XBits + WBits : PBits;

  logic signed [XBits-1:0] b_q;
  logic signed [WBits-1:0] a_q;
  logic signed [MBits-1:0] m_q;
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      b_q <= x_i;
      a_q <= w_i;
      m_q <= MBits'(a_q) * MBits'(b_q);
    end
  end
  if (Cascade) begin : gen_cascade
    always_ff @(posedge clk_i) begin
      if (en_i) p_o <= p_i + PBits'(m_q);
    end
  end else begin : gen_first
    logic unused_ok;
    assign unused_ok = &{1'b0, p_i};
    always_ff @(posedge clk_i) begin
      if (en_i) p_o <= PBits'(m_q);
    end
  end
endmodule
