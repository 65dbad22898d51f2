// Requantization: divide by a constant, round half to even, saturate.
//
// Formula:     y_o = clip(round(x_i / (Divisor * 2**Shift)), Lo, Hi), ties to even; a negative Shift multiplies.
// Range:       InBits >= 1 (two's complement), Divisor odd and >= 1, -32 < Shift < 64, Lo <= Hi, both fit OutBits;
//              LogicLevels >= 2.
// Latency:     Divisor = 1: 1 cycle, for Shift > 0 one more to round. Divisor > 1: 5 cycles. For LogicLevels = 2 one more in
//              either case. All while en_i is 1. Interval: 1.
// Handshake:   none; en_i = 0 holds all registers. Part of a pipeline that keeps its own valid bits.
// Structure:   round, register, saturate. For Divisor = 1 the tie goes to even by adding 2**(Shift-1) - 1 plus the quotient's low
//              bit before the cut: one adder, no comparison. Otherwise 2x + d + offset (positive) over 2d by multiplication
//              with the reciprocal R = 2**S / d, rounded up, exact because it has clog2(Divisor) bits more than the
//              dividend; the product has the two registers of a DSP slice. The remainder is zero exactly where the
//              product's fraction is less than R, which its highest clog2(Divisor) bits tell: that is the tie.
module xnorsr_requant #(
  parameter int unsigned InBits,      // bits of x_i, signed
  parameter int          Shift,       // power of two to divide by
  parameter int unsigned Divisor,     // odd divisor
  parameter int          Lo,          // least output code
  parameter int          Hi,          // greatest output code
  parameter int unsigned OutBits,     // bits of y_o
  parameter int unsigned LogicLevels  // look-up tables between registers
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
  if (LogicLevels < 2) begin : gen_check_levels
    $fatal(1, "%m: LogicLevels = %0d, must be at least 2", LogicLevels);
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
      always_ff @(posedge clk_i) begin
        if (en_i) sum <= num + signed'(HalfLess) + signed'(SumBits'(num[Right]));
      end
    end
    assign quotient = sum[SumBits-1:Right];
    if (Right > 0) begin : gen_cut
      logic unused_ok;
      assign unused_ok = &{1'b0, sum[Right-1:0]};
    end

    xnorsr_saturate #(
      .InBits(QuoBits), .OutBits(OutBits), .Lo(Lo), .Hi(Hi), .LogicLevels(LogicLevels)
    ) u_saturate (.clk_i, .en_i, .x_i(quotient), .y_o);
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

    localparam bit          OffsetOdd = 1'(Offset);
    localparam int unsigned FracTop = Scale - $clog2(Divisor);  // where the bits that tell the tie begin

    logic [SumBits-1:0]         sum_q;
    logic [TopBits+RecBits-1:0] product_q;
    logic [1:0]                 cut_zero_q;  // index = register of the product
    logic [TopBits-1:0]         quotient;
    logic                       tie, down;  // down: the tie goes to the lower neighbour
    logic signed [QuoBits-1:0]  rounded_q;

    xnorsr_product #(.ABits(TopBits), .BBits(RecBits), .Signed(1'b0)) u_product (
      .clk_i, .en_i, .a_i(sum_q[SumBits-1:Right+1]), .b_i(RecBits'(Recip)), .y_o(product_q)
    );
    assign quotient = TopBits'(product_q >> Scale);
    assign tie      = cut_zero_q[1] && product_q[Scale-1:FracTop] == '0;
    assign down     = tie & (quotient[0] ^ OffsetOdd);
    always_ff @(posedge clk_i) begin
      if (en_i) begin
        sum_q      <= SumBits'((SumBits'(signed'(x_i)) << (Left + 1)) + SumBits'(Den + 2 * Den * Offset));
        cut_zero_q <= 2'({cut_zero_q, sum_q[Right:0] == '0});
        rounded_q  <= signed'(QuoBits'(quotient)) - QuoBits'(Offset) - signed'(QuoBits'(down));
      end
    end
    xnorsr_saturate #(
      .InBits(QuoBits), .OutBits(OutBits), .Lo(Lo), .Hi(Hi), .LogicLevels(LogicLevels)
    ) u_saturate (.clk_i, .en_i, .x_i(rounded_q), .y_o);
  end
endmodule
