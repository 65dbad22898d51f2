// Affine + PReLU + requantization, a set of parameters for every channel.
//
// Formula:     y[c] = quant(prelu(mid(scale[c]*x[c] + bias[c]))); prelu(v) = v >= 0 ? v << SlopeFrac : v * slope[c]; mid and quant
//              are xnorsr_requant. Each part may be missing (Has... = 0); then its other parameters are ignored.
// Packing:     Scale, Bias, Slope: channel 0 in the low bits, two's complement.
// Range:       Pe divides Channels; SlopeFrac <= 31; all widths >= 1. The output must hold every value that can occur.
// Latency:     L = xnorsr_affine_lane's for Pe = Channels, else L + 1 + Channels/Pe cycles.
// Interval:    Channels/Pe cycles per pixel.
// Handshake:   xnorsr_shell's; valid_o and data_o are registers.
// Structure:   Pe lanes in xnorsr_shell. With fewer lanes than channels their parameters come from a ROM with one word a part.
module xnorsr_affine #(
  parameter int unsigned                   Channels,
  parameter int unsigned                   Pe,          // channels per cycle
  parameter int unsigned                   InBits,      // bits of an input channel
  parameter bit                            InSigned,    // input is two's complement
  parameter bit                            HasScale,
  parameter int unsigned                   ScaleBits,
  parameter logic [Channels*ScaleBits-1:0] Scale,
  parameter bit                            HasBias,
  parameter int unsigned                   BiasBits,
  parameter logic [Channels*BiasBits-1:0]  Bias,
  parameter bit                            HasMid,
  parameter int                            MidShift,
  parameter int unsigned                   MidDivisor,
  parameter int                            MidLo,
  parameter int                            MidHi,
  parameter bit                            HasSlope,
  parameter int unsigned                   SlopeBits,
  parameter int unsigned                   SlopeFrac,
  parameter logic [Channels*SlopeBits-1:0] Slope,
  parameter bit                            HasQuant,
  parameter int                            OutShift,
  parameter int unsigned                   OutDivisor,
  parameter int                            OutLo,
  parameter int                            OutHi,
  parameter int unsigned                   OutBits,     // bits of an output channel
  parameter int unsigned                   LogicLevels  // look-up tables between registers
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  input  logic [Channels*InBits-1:0]  data_i,
  input  logic                        valid_i,
  output logic                        ready_o,
  output logic [Channels*OutBits-1:0] data_o,
  output logic                        valid_o,
  input  logic                        ready_i
);
  if (Pe < 1 || Channels % Pe != 0) begin : gen_check_pe
    $fatal(1, "%m: Pe = %0d must divide Channels = %0d", Pe, Channels);
  end
  if (InBits < 1 || ScaleBits < 1 || BiasBits < 1 || SlopeBits < 1 || OutBits < 1 || SlopeFrac > 31) begin : gen_check
    $fatal(1, "%m: InBits = %0d, ScaleBits = %0d, BiasBits = %0d, SlopeBits = %0d, OutBits = %0d must be at least 1, %s%0d",
           InBits, ScaleBits, BiasBits, SlopeBits, OutBits, "SlopeFrac at most 31, is ", SlopeFrac);
  end

  localparam int unsigned Folds    = Channels / Pe;
  localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1;
  localparam int unsigned Saturate = LogicLevels > 2 ? 1 : 2;
  localparam int unsigned Stages   = 1 + (HasScale ? 2 : HasBias ? 1 : 0) + (HasSlope ? 3 : 0)
                                     + (HasMid ? (MidDivisor > 1 ? 4 : MidShift > 0 ? 1 : 0) + Saturate : 0)
                                     + (HasQuant ? (OutDivisor > 1 ? 4 : OutShift > 0 ? 1 : 0) + Saturate : 0);

  // Parts of Pe channels in and out
  logic [Pe*InBits-1:0]  part;
  logic [Pe*OutBits-1:0] result;
  logic [FoldBits-1:0]   fold;
  logic [Pe-1:0]         en;
  xnorsr_shell #(.Channels(Channels), .Pe(Pe), .InBits(InBits), .OutBits(OutBits), .Stages(Stages)) u_shell (
    .clk_i, .rst_ni, .data_i, .valid_i, .ready_o, .part_o(part), .fold_o(fold), .en_o(en), .result_i(result),
    .data_o, .valid_o, .ready_i
  );

  // Parameters of the part at the lanes' inputs
  logic [Pe*ScaleBits-1:0] scale;
  logic [Pe*BiasBits-1:0]  bias;
  logic [Pe*SlopeBits-1:0] slope;
  if (Folds == 1) begin : gen_parallel
    assign {scale, bias, slope} = {Scale, Bias, Slope};
    logic unused_ok;
    assign unused_ok = &{1'b0, fold};
  end else begin : gen_rom
    localparam int unsigned RomBits = Pe * (ScaleBits + BiasBits + SlopeBits);
    logic [RomBits-1:0] rom [Folds];
    initial begin
      for (int unsigned f = 0; f < Folds; f++) begin
        rom[f] = {Scale[f*Pe*ScaleBits+:Pe*ScaleBits], Bias[f*Pe*BiasBits+:Pe*BiasBits],
                  Slope[f*Pe*SlopeBits+:Pe*SlopeBits]};
      end
    end
    assign {scale, bias, slope} = rom[fold];
  end

  for (genvar p = 0; p < Pe; p++) begin : gen_lane
    xnorsr_affine_lane #(
      .InBits(InBits), .InSigned(InSigned), .HasScale(HasScale), .ScaleBits(ScaleBits), .HasBias(HasBias),
      .BiasBits(BiasBits), .HasMid(HasMid), .MidShift(MidShift), .MidDivisor(MidDivisor), .MidLo(MidLo),
      .MidHi(MidHi), .HasSlope(HasSlope), .SlopeBits(SlopeBits), .SlopeFrac(SlopeFrac), .HasQuant(HasQuant),
      .OutShift(OutShift), .OutDivisor(OutDivisor), .OutLo(OutLo), .OutHi(OutHi), .OutBits(OutBits),
      .LogicLevels(LogicLevels)
    ) u_lane (
      .clk_i, .en_i(en[p]),
      .x_i(part[p*InBits+:InBits]),
      .scale_i(scale[p*ScaleBits+:ScaleBits]),
      .bias_i(bias[p*BiasBits+:BiasBits]),
      .slope_i(slope[p*SlopeBits+:SlopeBits]),
      .y_o(result[p*OutBits+:OutBits])
    );
  end
endmodule
