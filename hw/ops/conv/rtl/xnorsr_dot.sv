// Dot product of signed vectors, or two of them that share one vector, pipelined.
//
// Formula:     y_o[0] + carry_o[0] = sum_s x_i[s] * w_i[s], modulo 2**OutBits. Shift > 0: w_i[s] = u[s]*2**Shift + v[s] and
//              y_o[0] + carry_o[0] = sum_s x_i[s] * v[s], y_o[1] + carry_o[1] = sum_s x_i[s] * u[s].
// Packing:     with V and U the sums of Chain products with v and with u, a chain's result is P = U*2**Shift + V, and |V| and |U|
//              are less than 2**(SumBits-1) with SumBits <= Shift. So V is the low SumBits bits of P, two's complement, and
//              U = floor(P / 2**Shift) + (V < 0): the bit V < 0 is the carry of U.
// Range:       Inputs, OutBits >= 1; XBits, WBits >= 2. Chain >= 1: the sums of Chain products fit SumBits bits, two's complement;
//              Shift = 0 or Shift >= SumBits. Chain = 0: products in look-up tables; Shift = 0, SumBits = XBits + WBits.
// Latency:     Chain > 0: x_i[s] and w_i[s] come s mod Chain cycles after those of s = 0 (the last chain, if shorter, ends with the
//              others: (s - Inputs) mod Chain cycles); Chain + 2 + ceil(log2(ceil(Inputs/Chain))) cycles from those of s = 0.
//              Chain = 0: all come together; that of xnorsr_lut_product + ceil(log2(Inputs)).
//              All while en_i is 1. Interval: 1.
// Handshake:   none; en_i = 0 holds all registers.
// Structure:   chains of DSP slices, each Chain long, then adder trees in fabric.
module xnorsr_dot #(
  parameter int unsigned Inputs,
  parameter int unsigned XBits,
  parameter int unsigned WBits,
  parameter int unsigned Shift,
  parameter int unsigned Chain,
  parameter int unsigned SumBits,
  parameter bit          Sign,     // Chain = 0: x is -1, 0 or 1
  parameter int unsigned OutBits
) (
  input  logic                                  clk_i,
  input  logic                                  en_i,
  input  logic [Inputs-1:0][XBits-1:0]          x_i,
  input  logic [Inputs-1:0][WBits-1:0]          w_i,
  output logic [(Shift > 0 ? 1 : 0):0][OutBits-1:0] y_o,
  output logic [(Shift > 0 ? 1 : 0):0]              carry_o
);
  localparam int unsigned Leaves = Chain == 0 ? Inputs : (Inputs + Chain - 1) / Chain;
  localparam int unsigned PBits  = Shift + SumBits;

  logic [Leaves-1:0][PBits-1:0] leaf;
  logic [Leaves-1:0]            carry;
  if (Chain == 0) begin : gen_luts
    for (genvar s = 0; s < Inputs; s++) begin : gen_product
      xnorsr_lut_product #(.XBits(XBits), .WBits(WBits), .OutBits(PBits), .Sign(Sign)) u_product (
        .clk_i, .en_i, .x_i(x_i[s]), .w_i(w_i[s]), .y_o(leaf[s]), .carry_o(carry[s])
      );
    end
  end else begin : gen_slices
    for (genvar s = 0; s < Inputs; s++) begin : gen_mac
      logic [PBits-1:0] below, p;
      if (s % Chain == 0) begin : gen_first
        assign below = '0;
      end else begin : gen_next
        assign below = gen_mac[s-1].p;
      end
      xnorsr_mac #(.XBits(XBits), .WBits(WBits), .PBits(PBits), .Cascade(s % Chain != 0)) u_mac (
        .clk_i, .en_i, .x_i(x_i[s]), .w_i(w_i[s]), .p_i(below), .p_o(p)
      );
      if (s % Chain == Chain - 1 || s == Inputs - 1) begin : gen_last
        assign leaf[s/Chain] = p;
      end
    end
    assign carry = '0;
  end

  if (Shift == 0) begin : gen_single
    xnorsr_adder_tree #(.Inputs(Leaves), .InBits(SumBits), .OutBits(OutBits), .Carries(Chain == 0 && Sign)) u_sum (
      .clk_i, .en_i, .x_i(leaf), .carry_i(carry), .y_o(y_o[0]), .carry_o(carry_o[0])
    );
  end else begin : gen_pair
    logic [Leaves-1:0][SumBits-1:0] low, high;
    logic [Leaves-1:0]              borrowed;
    for (genvar c = 0; c < Leaves; c++) begin : gen_split
      assign low[c]      = leaf[c][SumBits-1:0];
      assign high[c]     = leaf[c][PBits-1:Shift];
      assign borrowed[c] = leaf[c][Shift-1];
    end
    xnorsr_adder_tree #(.Inputs(Leaves), .InBits(SumBits), .OutBits(OutBits), .Carries(1'b0)) u_low (
      .clk_i, .en_i, .x_i(low), .carry_i(carry), .y_o(y_o[0]), .carry_o(carry_o[0])
    );
    xnorsr_adder_tree #(.Inputs(Leaves), .InBits(SumBits), .OutBits(OutBits), .Carries(1'b1)) u_high (
      .clk_i, .en_i, .x_i(high), .carry_i(borrowed), .y_o(y_o[1]), .carry_o(carry_o[1])
    );
  end
endmodule
