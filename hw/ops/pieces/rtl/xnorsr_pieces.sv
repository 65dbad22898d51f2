// Straight pieces and requantization, a set of constants for every channel.
//
// Formula:     y[c] = quant(scale[c][p]*x[c] + bias[c][p]), p = #{i >= 1 : x[c] >= Split[c][i]}; quant is xnorsr_requant.
// Packing:     Split, Scale, Bias: [channel][piece], piece fastest, channel 0 in the low bits, two's complement. Split ascends in
//              each channel; Split[c][0] is not read.
// Range:       Pe divides Channels; Pieces 1 to 16; all widths >= 1. OutLo and OutHi fit the output.
// Latency:     L = xnorsr_pieces_lane's for Pe = Channels, else L + 1 + Channels/Pe cycles.
// Interval:    Channels/Pe cycles per pixel.
// Handshake:   xnorsr_shell's; valid_o and data_o are registers.
// Structure:   Pe lanes in xnorsr_shell. With fewer lanes than channels their constants come from a ROM with one word a part.
module xnorsr_pieces #(
  parameter int unsigned                          Channels,
  parameter int unsigned                          Pe,         // channels per cycle
  parameter int unsigned                          Pieces,     // per channel
  parameter int unsigned                          InBits,     // bits of an input channel
  parameter bit                                   InSigned,   // input is two's complement
  parameter int unsigned                          SplitBits,
  parameter logic [Channels*Pieces*SplitBits-1:0] Split,
  parameter int unsigned                          ScaleBits,
  parameter logic [Channels*Pieces*ScaleBits-1:0] Scale,
  parameter int unsigned                          BiasBits,
  parameter logic [Channels*Pieces*BiasBits-1:0]  Bias,
  parameter int                                   OutShift,
  parameter int unsigned                          OutDivisor,
  parameter int                                   OutLo,
  parameter int                                   OutHi,
  parameter int unsigned                          OutBits,    // bits of an output channel
  parameter int unsigned                          LogicLevels // look-up tables between registers
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
  if (Pe < 1 || Channels % Pe != 0 || Pieces < 1 || Pieces > 16) begin : gen_check_pe
    $fatal(1, "%m: Pe = %0d must divide Channels = %0d, Pieces = %0d must be 1 to 16", Pe, Channels, Pieces);
  end
  if (InBits < 1 || SplitBits < 1 || ScaleBits < 1 || BiasBits < 1 || OutBits < 1) begin : gen_check_bits
    $fatal(1, "%m: InBits = %0d, SplitBits = %0d, ScaleBits = %0d, BiasBits = %0d, OutBits = %0d must be at least 1",
           InBits, SplitBits, ScaleBits, BiasBits, OutBits);
  end

  localparam int unsigned Folds    = Channels / Pe;
  localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1;
  localparam int unsigned Stages = 6 + (OutDivisor > 1 ? 4 : OutShift > 0 ? 1 : 0) + (LogicLevels > 2 ? 1 : 2);
  localparam int unsigned SpBits = Pe * Pieces * SplitBits;
  localparam int unsigned ScBits = Pe * Pieces * ScaleBits;
  localparam int unsigned BiBits = Pe * Pieces * BiasBits;

  // Parts of Pe channels in and out
  logic [Pe*InBits-1:0]  part;
  logic [Pe*OutBits-1:0] result;
  logic [FoldBits-1:0]   fold;
  logic [Pe-1:0]         en;
  xnorsr_shell #(.Channels(Channels), .Pe(Pe), .InBits(InBits), .OutBits(OutBits), .Stages(Stages)) u_shell (
    .clk_i, .rst_ni, .data_i, .valid_i, .ready_o, .part_o(part), .fold_o(fold), .en_o(en), .result_i(result),
    .data_o, .valid_o, .ready_i
  );

  // Constants of the part at the lanes' inputs
  logic [SpBits-1:0] split;
  logic [ScBits-1:0] scale;
  logic [BiBits-1:0] bias;
  if (Folds == 1) begin : gen_parallel
    assign {split, scale, bias} = {Split, Scale, Bias};
    logic unused_ok;
    assign unused_ok = &{1'b0, fold};
  end else begin : gen_rom
    logic [SpBits+ScBits+BiBits-1:0] rom [Folds];
    initial begin
      for (int unsigned f = 0; f < Folds; f++) begin
        rom[f] = {Split[f*SpBits+:SpBits], Scale[f*ScBits+:ScBits], Bias[f*BiBits+:BiBits]};
      end
    end
    assign {split, scale, bias} = rom[fold];
  end

  for (genvar p = 0; p < Pe; p++) begin : gen_lane
    xnorsr_pieces_lane #(
      .Pieces(Pieces), .InBits(InBits), .InSigned(InSigned), .SplitBits(SplitBits), .ScaleBits(ScaleBits),
      .BiasBits(BiasBits), .Fixed(Folds == 1), .OutShift(OutShift), .OutDivisor(OutDivisor), .OutLo(OutLo), .OutHi(OutHi), .OutBits(OutBits),
      .LogicLevels(LogicLevels)
    ) u_lane (
      .clk_i, .en_i(en[p]),
      .x_i(part[p*InBits+:InBits]),
      .split_i(split[p*Pieces*SplitBits+:Pieces*SplitBits]),
      .scale_i(scale[p*Pieces*ScaleBits+:Pieces*ScaleBits]),
      .bias_i(bias[p*Pieces*BiasBits+:Pieces*BiasBits]),
      .y_o(result[p*OutBits+:OutBits])
    );
  end
endmodule
