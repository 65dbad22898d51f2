// Fixed-point matrix-vector unit: multiply-accumulate convolution of a window, exact accumulators. For head and tail.
//
// Formula:     acc[o] = Bias[o] + sum over taps and channels of Weights[o]*x; x = PadValue for a tap outside the frame. A bipolar
//              input bit is +1 or -1.
// Packing:     data_i = [tap][channel][bit] as from xnorsr_window (tap = ky*K + kx); Weights[o][tap][channel] of WeightBits, two's
//              complement, channel fastest, o slowest, low bits first; Bias[o] and data_o[o] of OutBits each.
// Range:       Pe divides Outputs, Simd divides Taps*Channels; PadValue 0, or +-1 if Bipolar. OutBits must hold every accumulator
//              (arithmetic is modulo 2**OutBits).
// Latency:     F = (Outputs/Pe) * (Taps*Channels/Simd) folds, D = max(1, ceil(log4(Simd))). F = 1: D + 1 cycles; else
//              F + D + 4 (D = ceil(log4(Simd)) there).
// Interval:    F cycles per pixel, no gap between pixels.
// Handshake:   ready_o depends on ready_i combinationally; valid_o and data_o are registers.
// Structure:   as xnorsr_mvu_binary, with Pe dot products. Folded, operands, products and sums are registered, as DSP slices
//              have it; with F = 1 the weights are constants.
module xnorsr_mvu_fixed #(
  parameter int unsigned                                 Channels,    // input channels
  parameter int unsigned                                 InBits,      // bits of an input channel
  parameter bit                                          InSigned,    // input is two's complement
  parameter bit                                          Bipolar,     // input bit 1 is +1, 0 is -1
  parameter int unsigned                                 Taps,        // K*K
  parameter int                                          PadValue,    // what stands beyond the border
  parameter int unsigned                                 Outputs,
  parameter int unsigned                                 Pe,          // outputs per cycle
  parameter int unsigned                                 Simd,        // weights of an output per cycle
  parameter int unsigned                                 WeightBits,  // bits of a weight
  parameter int unsigned                                 OutBits,     // bits of an accumulator
  parameter logic [Outputs*Taps*Channels*WeightBits-1:0] Weights,
  parameter logic [Outputs*OutBits-1:0]                  Bias
) (
  input  logic                            clk_i,
  input  logic                            rst_ni,
  input  logic [Taps*Channels*InBits-1:0] data_i,
  input  logic [Taps-1:0]                 taps_i,
  input  logic                            valid_i,
  output logic                            ready_o,
  output logic [Outputs*OutBits-1:0]      data_o,
  output logic                            valid_o,
  input  logic                            ready_i
);
  localparam int unsigned Elements = Taps * Channels;

  if (Channels < 1 || Taps < 1 || Outputs < 1 || OutBits < 1 || InBits < 1 || WeightBits < 1) begin : gen_check_size
    $fatal(1, "%m: Channels = %0d, Taps = %0d, Outputs = %0d, OutBits = %0d, InBits = %0d, WeightBits = %0d, %s",
           Channels, Taps, Outputs, OutBits, InBits, WeightBits, "each must be at least 1");
  end
  if (Pe < 1 || Outputs % Pe != 0) begin : gen_check_pe
    $fatal(1, "%m: Pe = %0d must divide Outputs = %0d", Pe, Outputs);
  end
  if (Simd < 1 || Elements % Simd != 0) begin : gen_check_simd
    $fatal(1, "%m: Simd = %0d must divide Taps*Channels = %0d", Simd, Elements);
  end
  if (Bipolar && (InBits != 1 || InSigned)) begin : gen_check_bipolar
    $fatal(1, "%m: Bipolar = 1 needs InBits = 1 and InSigned = 0, InBits = %0d", InBits);
  end
  if (PadValue != 0 && (!Bipolar || PadValue > 1 || PadValue < -1)) begin : gen_check_pad
    $fatal(1, "%m: PadValue = %0d must be 0, or with Bipolar = 1 also 1 or -1", PadValue);
  end

  localparam int unsigned Slices   = Elements / Simd;
  localparam int unsigned Groups   = Outputs / Pe;
  localparam int unsigned Folds    = Slices * Groups;
  localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1;
  localparam int unsigned ElBits   = Bipolar ? 2 : InBits + (InSigned ? 0 : 1);  // signed code of an element

  // Elements as signed codes, borders replaced
  logic [Elements*ElBits-1:0] elements;
  for (genvar t = 0; t < Taps; t++) begin : gen_tap
    for (genvar c = 0; c < Channels; c++) begin : gen_channel
      localparam int unsigned E = t * Channels + c;
      logic [InBits-1:0] x;
      logic [ElBits-1:0] code;
      assign x = data_i[E*InBits+:InBits];
      if (Bipolar) begin : gen_bipolar
        assign code = {~x, 1'b1};
      end else if (InSigned) begin : gen_signed
        assign code = x;
      end else begin : gen_unsigned
        assign code = {1'b0, x};
      end
      assign elements[E*ElBits+:ElBits] = (Taps == 1 || taps_i[t]) ? code : ElBits'(PadValue);
    end
  end

  // Slices
  logic                   en;
  logic [Simd*ElBits-1:0] slice;
  logic                   slice_valid, first, last;
  logic [FoldBits-1:0]    fold;
  xnorsr_fold_sequencer #(
    .ElementBits(ElBits), .Elements(Elements), .Simd(Simd), .Groups(Groups), .FoldBits(FoldBits)
  ) u_sequencer (
    .clk_i, .rst_ni, .en_i(en), .data_i(elements), .valid_i, .ready_o,
    .slice_o(slice), .valid_o(slice_valid), .fold_o(fold), .first_o(first), .last_o(last)
  );

  // Operands
  function automatic int unsigned tree_levels(int unsigned count);
    tree_levels = 0;
    while (count > 1) begin
      count = (count + 3) / 4;
      tree_levels++;
    end
  endfunction
  localparam int unsigned Tree      = tree_levels(Simd);
  localparam int unsigned DotStages = Folds > 1 ? 1 + Tree : (Tree > 0 ? Tree : 1);
  localparam int unsigned RomStages = Folds > 1 ? 1 : 0;
  localparam int unsigned Stages    = RomStages + DotStages + 1;  // the last one is the accumulators

  logic [Simd*ElBits-1:0]             x;
  logic [Pe-1:0][Simd*WeightBits-1:0] weight;
  logic [Pe-1:0][OutBits-1:0]         bias;

  logic [Stages-1:0] valid_q, first_q, last_q;  // index = stage
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else if (en) valid_q <= Stages'({valid_q, slice_valid});
  end
  always_ff @(posedge clk_i) begin
    if (en) begin
      first_q <= Stages'({first_q, first});
      last_q  <= Stages'({last_q, last});
    end
  end

  if (Folds == 1) begin : gen_constant
    assign x      = slice;
    assign weight = Weights;
    assign bias   = Bias;
    logic unused_ok;
    assign unused_ok = &{1'b0, fold};
  end else begin : gen_rom
    localparam int unsigned PartBits = Simd * WeightBits;
    // Fold f = g*Slices + s needs, of each output g*Pe + p, the weights s*Simd and following
    logic [Pe*PartBits-1:0] rom [Folds];
    initial begin
      for (int unsigned g = 0; g < Groups; g++) begin
        for (int unsigned s = 0; s < Slices; s++) begin
          for (int unsigned p = 0; p < Pe; p++) begin
            rom[g*Slices+s][p*PartBits+:PartBits] = Weights[((g*Pe+p)*Elements+s*Simd)*WeightBits+:PartBits];
          end
        end
      end
    end
    logic [Pe*PartBits-1:0] weight_q;
    logic [Simd*ElBits-1:0] x_q;
    always_ff @(posedge clk_i) begin
      if (en) weight_q <= rom[fold];
    end
    always_ff @(posedge clk_i) begin
      if (en) x_q <= slice;
    end
    assign x      = x_q;
    assign weight = weight_q;

    if (Bias == '0) begin : gen_no_bias
      assign bias = '0;
    end else begin : gen_bias
      // Groups come one after the other: rotate at the first slice of each, when it enters the accumulators
      logic [Outputs*OutBits-1:0] bias_q;
      if (Groups == 1) begin : gen_fixed
        assign bias_q = Bias;
      end else begin : gen_rotate
        always_ff @(posedge clk_i) begin
          if (!rst_ni) begin
            bias_q <= Bias;
          end else if (en && valid_q[Stages-2] && first_q[Stages-2]) begin
            bias_q <= {bias_q[Pe*OutBits-1:0], bias_q[Outputs*OutBits-1:Pe*OutBits]};
          end
        end
      end
      assign bias = bias_q[Pe*OutBits-1:0];
    end
  end

  // Dot products and accumulators
  logic [Pe*OutBits-1:0] result;
  for (genvar p = 0; p < Pe; p++) begin : gen_pe
    logic [OutBits-1:0] sum, acc_q;
    xnorsr_dot #(
      .Inputs(Simd), .XBits(ElBits), .WBits(WeightBits), .OutBits(OutBits), .ProductRegs(Folds > 1)
    ) u_dot (.clk_i, .en_i(en), .x_i(x), .w_i(weight[p]), .y_o(sum));
    always_ff @(posedge clk_i) begin
      if (en) acc_q <= ((Slices == 1 || first_q[Stages-2]) ? bias[p] : acc_q) + sum;
    end
    assign result[p*OutBits+:OutBits] = acc_q;
  end

  // Groups of outputs to whole pixels
  logic result_valid, result_ready;
  assign result_valid = valid_q[Stages-1] & last_q[Stages-1];
  assign en           = ~result_valid | result_ready;
  if (Folds == 1) begin : gen_direct
    assign data_o       = result;
    assign valid_o      = result_valid;
    assign result_ready = ready_i;
  end else begin : gen_join
    xnorsr_gearbox #(.InChannels(Pe), .OutChannels(Outputs), .Bits(OutBits)) u_join (
      .clk_i, .rst_ni, .data_i(result), .valid_i(result_valid), .ready_o(result_ready),
      .data_o, .valid_o, .ready_i
    );
  end
endmodule
