// One channel of affine + PReLU: the arithmetic of xnorsr_affine.
//
// Formula:     y = quant(prelu(mid(scale*x + bias))); prelu(v) = v >= 0 ? v << SlopeFrac : v * slope. Parts that the Has...
//              parameters switch off are left out; without HasQuant the exact value goes out.
// Range:       as xnorsr_affine, which checks.
// Latency:     1 + (HasScale ? 2 : HasBias ? 1 : 0) + HasMid*M + (HasSlope ? 3 : 0) + HasQuant*Q cycles while en_i is 1, M and Q as
//              xnorsr_requant says. Interval: 1.
// Handshake:   none; en_i = 0 holds all registers.
// Structure:   registers as a DSP slice has them: operands, product, sum with the bias; requantization; product with the
//              slope, result, and a stage that selects it for negative numbers. The parameters are inputs: constants
//              when every channel has its lane (synthesis folds them in), the word of a ROM otherwise.
module xnorsr_affine_lane #(
  parameter int unsigned InBits,      // bits of x_i
  parameter bit          InSigned,    // x_i is two's complement
  parameter bit          HasScale,
  parameter int unsigned ScaleBits,   // bits of scale_i, signed
  parameter bit          HasBias,
  parameter int unsigned BiasBits,    // bits of bias_i, signed
  parameter bit          HasMid,      // requantize before the PReLU
  parameter int          MidShift,
  parameter int unsigned MidDivisor,
  parameter int          MidLo,
  parameter int          MidHi,
  parameter bit          HasSlope,
  parameter int unsigned SlopeBits,   // bits of slope_i, signed
  parameter int unsigned SlopeFrac,   // fractional bits of slope_i
  parameter bit          HasQuant,    // requantize at the end
  parameter int          OutShift,
  parameter int unsigned OutDivisor,
  parameter int          OutLo,
  parameter int          OutHi,
  parameter int unsigned OutBits,     // bits of y_o
  parameter int unsigned LogicLevels  // look-up tables between registers
) (
  input  logic                        clk_i,
  input  logic                        en_i,
  input  logic [InBits-1:0]           x_i,
  input  logic signed [ScaleBits-1:0] scale_i,
  input  logic signed [BiasBits-1:0]  bias_i,
  input  logic signed [SlopeBits-1:0] slope_i,
  output logic [OutBits-1:0]          y_o
);
  // Widths in which each step is exact
  localparam int unsigned XBits    = InBits + (InSigned ? 0 : 1);
  localparam int unsigned MulBits  = XBits + (HasScale ? ScaleBits : 0);
  localparam int unsigned AddBits  = HasBias ? (MulBits > BiasBits ? MulBits : BiasBits) + 1 : MulBits;
  localparam int unsigned LoBits   = MidLo < 0 ? $clog2(-MidLo) + 1 : 1;
  localparam int unsigned HiBits   = MidHi > 0 ? $clog2(MidHi + 1) + 1 : 1;
  localparam int unsigned MidBits  = HasMid ? (LoBits > HiBits ? LoBits : HiBits) : AddBits;
  localparam int unsigned PosBits  = MidBits + SlopeFrac;
  localparam int unsigned NegBits  = MidBits + SlopeBits;
  localparam int unsigned ReluBits = HasSlope ? (PosBits > NegBits ? PosBits : NegBits) : MidBits;
  localparam int unsigned Saturate = LogicLevels > 2 ? 1 : 2;
  localparam int unsigned MidDelay = (HasScale ? 2 : HasBias ? 1 : 0)
                                     + (HasMid ? (MidDivisor > 1 ? 4 : MidShift > 0 ? 1 : 0) + Saturate : 0);

  // Operands
  logic signed [XBits-1:0]     x_q;
  logic signed [ScaleBits-1:0] scale_q;
  logic signed [BiasBits-1:0]  bias_q;
  logic signed [SlopeBits-1:0] slope_q;
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      x_q     <= InSigned ? XBits'(signed'(x_i)) : XBits'(x_i);
      scale_q <= scale_i;
      bias_q  <= bias_i;
      slope_q <= slope_i;
    end
  end

  // scale*x + bias
  logic signed [AddBits-1:0] affine;
  if (HasScale) begin : gen_scale
    logic signed [MulBits-1:0]  product_q;
    logic signed [BiasBits-1:0] addend_q;
    logic signed [AddBits-1:0]  sum_q;
    always_ff @(posedge clk_i) begin
      if (en_i) begin
        product_q <= MulBits'(x_q) * MulBits'(scale_q);
        addend_q  <= bias_q;
        sum_q     <= HasBias ? AddBits'(product_q) + AddBits'(addend_q) : AddBits'(product_q);
      end
    end
    assign affine = sum_q;
  end else if (HasBias) begin : gen_bias
    logic signed [AddBits-1:0] sum_q;
    always_ff @(posedge clk_i) begin
      if (en_i) sum_q <= AddBits'(x_q) + AddBits'(bias_q);
    end
    assign affine = sum_q;
  end else begin : gen_no_affine
    assign affine = x_q;
  end

  // mid
  logic signed [MidBits-1:0] mid;
  if (HasMid) begin : gen_mid
    xnorsr_requant #(
      .InBits(AddBits), .Shift(MidShift), .Divisor(MidDivisor), .Lo(MidLo), .Hi(MidHi), .OutBits(MidBits),
      .LogicLevels(LogicLevels)
    ) u_mid (.clk_i, .en_i, .x_i(affine), .y_o(mid));
  end else begin : gen_no_mid
    assign mid = affine;
  end

  // PReLU
  logic signed [ReluBits-1:0] relu;
  if (HasSlope) begin : gen_slope
    logic signed [SlopeBits-1:0] slope;
    logic signed [ReluBits-1:0]  relu_q;
    if (MidDelay == 0) begin : gen_no_delay
      assign slope = slope_q;
    end else begin : gen_delay
      logic [MidDelay-1:0][SlopeBits-1:0] delay_q;
      always_ff @(posedge clk_i) begin
        if (en_i) delay_q <= (MidDelay*SlopeBits)'({delay_q, slope_q});
      end
      assign slope = delay_q[MidDelay-1];
    end
    logic [1:0][MidBits-1:0]        positive_q;  // beside the product
    logic [NegBits-1:0]             product;
    xnorsr_product #(.ABits(MidBits), .BBits(SlopeBits), .Signed(1'b1)) u_product (
      .clk_i, .en_i, .a_i(mid), .b_i(slope), .y_o(product)
    );
    always_ff @(posedge clk_i) begin
      if (en_i) begin
        positive_q <= (2*MidBits)'({positive_q, mid});
        relu_q     <= positive_q[1][MidBits-1] ? ReluBits'(signed'(product))
                                               : ReluBits'(positive_q[1]) <<< SlopeFrac;
      end
    end
    assign relu = relu_q;
  end else begin : gen_no_slope
    assign relu = mid;
  end

  // quant
  if (HasQuant) begin : gen_quant
    xnorsr_requant #(
      .InBits(ReluBits), .Shift(OutShift), .Divisor(OutDivisor), .Lo(OutLo), .Hi(OutHi), .OutBits(OutBits),
      .LogicLevels(LogicLevels)
    ) u_quant (.clk_i, .en_i, .x_i(relu), .y_o);
  end else begin : gen_exact
    assign y_o = OutBits'(relu);
  end

  // An exact output may need fewer bits than the widths above allow for.
  logic unused_ok;
  assign unused_ok = &{1'b0, scale_q, bias_q, slope_q, relu};
endmodule
