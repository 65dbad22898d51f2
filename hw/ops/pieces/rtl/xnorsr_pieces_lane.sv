// One channel of straight pieces and requantization: the arithmetic of xnorsr_pieces.
//
// Formula:     y_o = quant(scale[p]*x_i + bias[p]), p = #{i >= 1 : x_i >= split[i]}; quant is xnorsr_requant.
// Range:       as xnorsr_pieces, which checks.
// Latency:     5 + (OutDivisor == 1 ? 1 : 3) cycles while en_i is 1. Interval: 1.
// Handshake:   none; en_i = 0 holds all registers.
// Structure:   operand registers; comparators; choice of the constants; product in two stages, as the DSP slices of a wide one
//              have registers for; sum. The constants are inputs: fixed when every channel has its lane (synthesis folds them
//              in), the word of a ROM otherwise.
module xnorsr_pieces_lane #(
  parameter int unsigned Pieces,     // per channel
  parameter int unsigned InBits,     // bits of x_i
  parameter bit          InSigned,   // x_i is two's complement
  parameter int unsigned SplitBits,  // bits of a split, signed
  parameter int unsigned ScaleBits,  // bits of a scale, signed
  parameter int unsigned BiasBits,   // bits of a bias, signed
  parameter int          OutShift,
  parameter int unsigned OutDivisor,
  parameter int          OutLo,
  parameter int          OutHi,
  parameter int unsigned OutBits     // bits of y_o
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

  // Which piece: one bit for each that is reached, cut in front of the choice
  logic signed [XBits-1:0]     x, x_q, x_q2;
  logic [Pieces*ScaleBits-1:0] scale_q;
  logic [Pieces*BiasBits-1:0]  bias_q;
  logic [Pieces-1:0]           reached, reached_q;
  if (InSigned) begin : gen_signed
    assign x = signed'(x_i);
  end else begin : gen_unsigned
    assign x = signed'({1'b0, x_i});
  end
  assign reached[0] = 1'b1;
  for (genvar i = 1; i < Pieces; i++) begin : gen_reached
    assign reached[i] = CmpBits'(x) >= CmpBits'(signed'(split_i[i*SplitBits+:SplitBits]));
  end
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      x_q       <= x;
      scale_q   <= scale_i;
      bias_q    <= bias_i;
      reached_q <= reached;
    end
  end

  // Its constants: the last one reached
  logic [ScaleBits-1:0] scale_d, scale_q2;
  logic [BiasBits-1:0]  bias_d, bias_q2, bias_q3, bias_q4;
  always_comb begin
    scale_d = '0;
    bias_d  = '0;
    for (int unsigned i = 0; i < Pieces; i++) begin
      // Splits ascend: a piece is the one where it is reached and its successor is not
      if (reached_q[i] && (i == Pieces - 1 || !reached_q[(i+1)%Pieces])) begin
        scale_d |= scale_q[i*ScaleBits+:ScaleBits];
        bias_d  |= bias_q[i*BiasBits+:BiasBits];
      end
    end
  end

  logic signed [MulBits-1:0] product_q, product_q2;
  logic signed [SumBits-1:0] sum_q;
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      x_q2       <= x_q;
      scale_q2   <= scale_d;
      bias_q2    <= bias_d;
      product_q  <= MulBits'(x_q2) * MulBits'(signed'(scale_q2));
      bias_q3    <= bias_q2;
      product_q2 <= product_q;
      bias_q4    <= bias_q3;
      sum_q      <= SumBits'(product_q2) + SumBits'(signed'(bias_q4));
    end
  end

  xnorsr_requant #(
    .InBits(SumBits), .Shift(OutShift), .Divisor(OutDivisor), .Lo(OutLo), .Hi(OutHi), .OutBits(OutBits)
  ) u_quant (.clk_i, .en_i, .x_i(sum_q), .y_o);

  // The first split is there so that no vector is empty
  logic unused_ok;
  assign unused_ok = &{1'b0, split_i[SplitBits-1:0], reached_q[0]};
endmodule
