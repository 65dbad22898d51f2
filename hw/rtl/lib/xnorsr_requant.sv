// Requantization: divide by a constant, round half to even, saturate.
//
// Formula:     y_o = clip(round(x_i / (Divisor * 2**Shift)), Lo, Hi), ties to even; a negative Shift multiplies.
// Range:       InBits >= 1 (two's complement), Divisor odd and >= 1, -32 < Shift < 64, Lo <= Hi, both fit OutBits.
// Latency:     1 cycle for Divisor = 1, else 3, while en_i is 1. Interval: 1.
// Handshake:   none; en_i = 0 holds all registers. Part of a pipeline that keeps its own valid bits.
// Structure:   for Divisor = 1 the tie goes to even by adding 2**(Shift-1) - 1 plus the quotient's low bit before the cut: one
//              adder, no comparison. Otherwise 2x + d + offset (positive) over 2d by multiplication with the
//              reciprocal, exact because it has clog2(Divisor) bits more than the dividend; the remainder's being zero tells the tie.
module xnorsr_requant #(
  parameter int unsigned InBits,   // bits of x_i, signed
  parameter int          Shift,    // power of two to divide by
  parameter int unsigned Divisor,  // odd divisor
  parameter int          Lo,       // least output code
  parameter int          Hi,       // greatest output code
  parameter int unsigned OutBits   // bits of y_o
) (
  input  logic                     clk_i,
  input  logic                     en_i,
  input  logic signed [InBits-1:0] x_i,
  output logic [OutBits-1:0]       y_o
);
  if (InBits < 1 || OutBits < 1 || Divisor % 2 == 0 || Shift <= -32 || Shift >= 64) begin : gen_check
    $fatal(1, "%m: InBits = %0d and OutBits = %0d must be at least 1, Divisor = %0d odd, Shift = %0d in -31..63",
           InBits, OutBits, Divisor, Shift);
  end
  if (Lo > Hi) begin : gen_check_range
    $fatal(1, "%m: Lo = %0d is greater than Hi = %0d", Lo, Hi);
  end

  localparam int unsigned Right   = Shift > 0 ? unsigned'(Shift) : 0;
  localparam int unsigned Left    = Shift < 0 ? unsigned'(-Shift) : 0;
  localparam int unsigned NumBits = InBits + Left;

  if (Divisor == 1) begin : gen_shift
    // One bit more than the dividend, or than the tie where Right exceeds it, so that rounding cannot overflow
    localparam int unsigned SumBits = (NumBits > Right + 1 ? NumBits : Right + 1) + 1;
    localparam int unsigned QuoBits = SumBits - Right;

    logic signed [SumBits-1:0] num, sum;
    logic signed [QuoBits-1:0] quotient;
    assign num = SumBits'(x_i) <<< Left;
    if (Right == 0) begin : gen_exact
      assign sum = num;
    end else begin : gen_round
      localparam logic [SumBits-1:0] HalfLess = (SumBits'(1) << (Right - 1)) - 1'b1;
      assign sum = num + signed'(HalfLess) + signed'(SumBits'(num[Right]));
    end
    assign quotient = sum[SumBits-1:Right];
    if (Right > 0) begin : gen_cut
      logic unused_ok;
      assign unused_ok = &{1'b0, sum[Right-1:0]};
    end

    logic [OutBits-1:0] y_d;
    xnorsr_saturate #(.InBits(QuoBits), .OutBits(OutBits), .Lo(Lo), .Hi(Hi)) u_saturate (.x_i(quotient), .y_o(y_d));
    always_ff @(posedge clk_i) begin
      if (en_i) y_o <= y_d;
    end
  end else begin : gen_divide
    localparam longint      Den     = longint'(Divisor) << Right;
    localparam longint      Offset  = ((64'sd1 << (NumBits - 1)) + Den - 1) / Den;  // whole quotients, makes all positive
    localparam longint      Most    = (64'sd1 << NumBits) + Den + 2 * Den * Offset;
    localparam int unsigned SumBits = $clog2(Most + 1);
    localparam int unsigned TopBits = SumBits - 1 - Right;
    localparam int unsigned Scale   = TopBits + $clog2(Divisor);
    localparam longint      Recip   = (64'sd1 << Scale) / longint'(Divisor) + 1;
    localparam int unsigned RecBits = $clog2(Recip + 1);
    localparam int unsigned QuoBits = TopBits + 1;

    logic [SumBits-1:0]         sum_q;
    logic [TopBits-1:0]         top_q, quotient_q;
    logic                       cut_zero_q;
    logic [TopBits+RecBits-1:0] product;
    logic signed [QuoBits-1:0]  rounded, result;
    logic                       tie;

    assign product = (TopBits+RecBits)'(sum_q[SumBits-1:Right+1]) * (TopBits+RecBits)'(Recip);
    always_ff @(posedge clk_i) begin
      if (en_i) begin
        sum_q      <= SumBits'((SumBits'(signed'(x_i)) << (Left + 1)) + SumBits'(Den + 2 * Den * Offset));
        top_q      <= sum_q[SumBits-1:Right+1];
        cut_zero_q <= sum_q[Right:0] == '0;
        quotient_q <= TopBits'(product >> Scale);
      end
    end
    assign rounded = signed'(QuoBits'(quotient_q)) - QuoBits'(Offset);
    assign tie     = cut_zero_q && TopBits'(quotient_q * TopBits'(Divisor)) == top_q;
    assign result  = rounded - signed'(QuoBits'(tie & rounded[0]));

    logic [OutBits-1:0] y_d;
    xnorsr_saturate #(.InBits(QuoBits), .OutBits(OutBits), .Lo(Lo), .Hi(Hi)) u_saturate (.x_i(result), .y_o(y_d));
    always_ff @(posedge clk_i) begin
      if (en_i) y_o <= y_d;
    end
  end
endmodule
