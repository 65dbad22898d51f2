// One channel of straight pieces and requantization: the arithmetic of xnorsr_pieces.
//
// Formula:     y_o = quant(scale[p]*x_i + bias[p]), p = #{i >= 1 : x_i >= split[i]}; quant is xnorsr_requant.
// Range:       as xnorsr_pieces, which checks.
// Latency:     6 + Q cycles while en_i is 1, Q as xnorsr_requant says. Interval: 1.
// Handshake:   none; en_i = 0 holds all registers.
// Structure:   operand registers; a comparator for each split, and behind them a register for each piece, so that a single bit
//              chooses a constant; choice of the constants; product with its two registers; sum; requantization. The
//              constants are inputs: fixed when every channel has its lane (synthesis folds them in), the word of a ROM
//              otherwise.
module xnorsr_pieces_lane #(
  parameter int unsigned Pieces,     // per channel
  parameter int unsigned InBits,     // bits of x_i
  parameter bit          InSigned,   // x_i is two's complement
  parameter int unsigned SplitBits,  // bits of a split, signed
  parameter int unsigned ScaleBits,  // bits of a scale, signed
  parameter int unsigned BiasBits,   // bits of a bias, signed
  parameter bit          Fixed,      // the constants are the same in all cycles
  parameter int          OutShift,
  parameter int unsigned OutDivisor,
  parameter int          OutLo,
  parameter int          OutHi,
  parameter int unsigned OutBits,    // bits of y_o
  parameter int unsigned LogicLevels // look-up tables between registers
) (
  input  logic                        clk_i,
  input  logic                        en_i,
  input  logic [InBits-1:0]           x_i,
  input  logic [Pieces*SplitBits-1:0] split_i,
  input  logic [Pieces*ScaleBits-1:0] scale_i,
  input  logic [Pieces*BiasBits-1:0]  bias_i,
  output logic [OutBits-1:0]          y_o
);
  // Widths in which each step is exact
  localparam int unsigned XBits   = InBits + (InSigned ? 0 : 1);
  localparam int unsigned CmpBits = XBits > SplitBits ? XBits : SplitBits;
  localparam int unsigned MulBits = XBits + ScaleBits;
  localparam int unsigned SumBits = (MulBits > BiasBits ? MulBits : BiasBits) + 1;

  // Operands
  logic signed [XBits-1:0]     x_q, x_q2, x_q3;
  logic [Pieces*SplitBits-1:0] split_q;
  logic [Pieces*ScaleBits-1:0] scale_q, scale_q2;
  logic [Pieces*BiasBits-1:0]  bias_q, bias_q2;
  logic [Pieces-1:0]           reached, here, here_q;
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      x_q      <= InSigned ? XBits'(signed'(x_i)) : XBits'(x_i);
      split_q  <= split_i;
      scale_q  <= scale_i;
      bias_q   <= bias_i;
      x_q2     <= x_q;
      scale_q2 <= scale_q;
      bias_q2  <= bias_q;
    end
  end

  // Which piece: splits ascend, so it is the one that is reached and its successor not
  assign reached[0] = 1'b1;
  for (genvar i = 1; i < Pieces; i++) begin : gen_reached
    assign reached[i] = CmpBits'(x_q) >= CmpBits'(signed'(split_q[i*SplitBits+:SplitBits]));
  end
  assign here = reached & ~(reached >> 1);
  always_ff @(posedge clk_i) begin
    if (en_i) here_q <= here;
  end

  // Its constants. The bias has time until the product is there: it is chosen among few pieces, a register, and among those.
  localparam int unsigned Few    = 4;
  localparam int unsigned Groups = (Pieces + Few - 1) / Few;
  logic [ScaleBits-1:0]           scale_d, scale_q3;
  logic [Groups*BiasBits-1:0]     bias_d, bias_q3;
  logic [BiasBits-1:0]            bias_d4, bias_q4, bias_q5;
  logic [Groups*Few-1:0]          here_all;
  logic [Groups*Few*BiasBits-1:0] bias_all;
  assign here_all = (Groups*Few)'(here_q);
  assign bias_all = (Groups*Few*BiasBits)'(bias_q2);
  for (genvar g = 0; g < Groups; g++) begin : gen_group
    xnorsr_choose #(.Pieces(Few), .Bits(BiasBits)) u_bias (
      .here_i(here_all[g*Few+:Few]), .words_i(bias_all[g*Few*BiasBits+:Few*BiasBits]), .word_o(bias_d[g*BiasBits+:BiasBits])
    );
  end
  xnorsr_choose #(.Pieces(Groups), .Bits(BiasBits)) u_bias (.here_i('1), .words_i(bias_q3), .word_o(bias_d4));
  if (Fixed) begin : gen_fixed
    xnorsr_choose #(.Pieces(Pieces), .Bits(ScaleBits)) u_scale (.here_i(here_q), .words_i(scale_q2), .word_o(scale_d));
  end else begin : gen_kept
    (* keep_hierarchy = "yes" *)
    xnorsr_choose #(.Pieces(Pieces), .Bits(ScaleBits)) u_scale (.here_i(here_q), .words_i(scale_q2), .word_o(scale_d));
  end

  logic [MulBits-1:0]        product;
  logic signed [SumBits-1:0] sum_q;
  xnorsr_product #(.ABits(XBits), .BBits(ScaleBits), .Signed(1'b1)) u_product (
    .clk_i, .en_i, .a_i(x_q3), .b_i(scale_q3), .y_o(product)
  );
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      x_q3     <= x_q2;
      scale_q3 <= scale_d;
      bias_q3  <= bias_d;
      bias_q4  <= bias_d4;
      bias_q5  <= bias_q4;
      sum_q    <= SumBits'(signed'(product)) + SumBits'(signed'(bias_q5));
    end
  end

  xnorsr_requant #(
    .InBits(SumBits), .Shift(OutShift), .Divisor(OutDivisor), .Lo(OutLo), .Hi(OutHi), .OutBits(OutBits),
    .LogicLevels(LogicLevels)
  ) u_quant (.clk_i, .en_i, .x_i(sum_q), .y_o);

  // The first split is there so that no vector is empty
  logic unused_ok;
  assign unused_ok = &{1'b0, split_q[SplitBits-1:0]};
endmodule
