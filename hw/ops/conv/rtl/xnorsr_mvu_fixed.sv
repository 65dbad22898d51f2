// Fixed-point matrix-vector unit: multiply-accumulate convolution of a window, exact accumulators. For head and tail.
//
// Formula:     acc[o] = Bias[o] + sum over taps and channels of Weights[o]*x; x = PadValue for a tap outside the frame. A bipolar
//              input bit is +1 or -1.
// Packing:     data_i = [tap][channel][bit] as from xnorsr_window (tap = ky*K + kx), or any taps and blocks of their channels, each
//              with the bit of taps_i that says whether it lies inside the frame; Weights[o][tap][channel] of WeightBits, two's
//              complement, channel fastest, o slowest, low bits first; Bias[o] and data_o[o] of OutBits each.
// Range:       Pe divides Outputs, Simd divides Taps*Channels; PadValue 0, or +-1 if Bipolar. |Weights| <= WeightMax. OutBits must
//              hold every accumulator (arithmetic is modulo 2**OutBits).
// Products:    Chain = 0: in look-up tables. Chain > 0: in chains of so many DSP slices, at most Simd. Shift > 0: one slice for two
//              outputs, its wide factor is w1*2**Shift + w0 (see xnorsr_dot). With XMax the largest |x| (2**(InBits-1) if InSigned,
//              1 if Bipolar, else 2**InBits - 1) it is exact where Chain*XMax*WeightMax < 2**(Shift-1); the wide factor has
//              Shift + clog2(WeightMax + 1) + 1 bits: at most 25 fit a DSP48E1, 27 a DSP48E2. An odd output has slices of its own.
// Latency:     F = (Outputs/Pe) * (Taps*Channels/Simd) folds. Chain > 0: D = Chain + 2 + ceil(log2(ceil(Simd/Chain))); Chain = 0:
//              D = N + ceil(log2(Simd)), N = 1 if Bipolar, else 1 + ceil(log2(ceil(b/2))), b the bits of the narrower factor.
//              F = 1: D + 1 cycles; else F + D + 3.
// Interval:    F cycles per pixel, no gap between pixels.
// Handshake:   F > 1: ready_o follows from registers alone; else it depends on ready_i combinationally. valid_o and data_o are
//              registers.
// Structure:   as xnorsr_mvu_binary, with dot products. Between registers there is one LUT level and a carry chain, or a memory of
//              weights. With F = 1 the weights are constants.
module xnorsr_mvu_fixed #(
  parameter int unsigned                                 Channels,    // input channels
  parameter int unsigned                                 InBits,      // bits of an input channel
  parameter bit                                          InSigned,    // input is two's complement
  parameter bit                                          Bipolar,     // input bit 1 is +1, 0 is -1
  parameter int unsigned                                 Taps,        // of the window, K*K, or those that are read
  parameter int                                          PadValue,    // what stands beyond the border
  parameter int unsigned                                 Outputs,
  parameter int unsigned                                 Pe,          // outputs per cycle
  parameter int unsigned                                 Simd,        // weights of an output per cycle
  parameter int unsigned                                 WeightBits,  // bits of a weight
  parameter int unsigned                                 WeightMax,   // no weight is larger in magnitude, at least 1
  parameter int unsigned                                 Shift,       // distance of two weights in one factor, 0: one weight
  parameter int unsigned                                 Chain,       // DSP slices in a chain, 0: products in look-up tables
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
  localparam int unsigned ElBits   = Bipolar || InBits == 1 ? 2 : InBits + (InSigned ? 0 : 1);  // signed code of an element
  localparam int unsigned Pairs    = Shift > 0 ? Pe / 2 : 0;

  // Bits of a weight as it is stored, and of a sum of a chain's products
  localparam longint unsigned XMax      = Bipolar ? 1 : InSigned ? 64'd1 << (InBits - 1) : (64'd1 << InBits) - 1;
  localparam longint unsigned Reach     = longint'(Chain) * XMax * longint'(WeightMax);
  localparam int unsigned     StoreBits = $clog2(WeightMax + 1) + 1;
  localparam int unsigned     SumBits   = Chain == 0 ? ElBits + StoreBits : $clog2(Reach + 1) + 1;
  if (WeightMax < 1 || WeightMax > (1 << (WeightBits - 1))) begin : gen_check_max
    $fatal(1, "%m: WeightMax = %0d must be 1 to 2**(WeightBits-1), WeightBits = %0d", WeightMax, WeightBits);
  end
  if (Chain > Simd || (Shift > 0 && (Chain == 0 || Reach >= (64'd1 << (Shift - 1))))) begin : gen_check_products
    $fatal(1, "%m: Chain = %0d must be at most Simd = %0d, and with Shift = %0d the sum of a chain's products, up to %0d, %s",
           Chain, Simd, Shift, Reach, "must be less than 2**(Shift-1)");
  end

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
        assign code = ElBits'(signed'(x));
      end else begin : gen_unsigned
        assign code = {1'b0, x};
      end
      assign elements[E*ElBits+:ElBits] = taps_i[t] ? code : ElBits'(PadValue);
    end
  end

  // Slices
  localparam int unsigned Copies = 3 + Pe;  // of the enable: control, the window's slices, weights, and each output
  logic [Copies-1:0]      en;
  logic                   en_next;
  logic [Simd*ElBits-1:0] slice;
  logic                   slice_valid, first, last;
  logic [FoldBits-1:0]    fold;
  xnorsr_fold_sequencer #(
    .ElementBits(ElBits), .Elements(Elements), .Simd(Simd), .Groups(Groups), .FoldBits(FoldBits)
  ) u_sequencer (
    .clk_i, .rst_ni, .en_i(en[0]), .word_en_i(en[1]), .next_i(en_next), .data_i(elements), .valid_i, .ready_o,
    .slice_o(slice), .valid_o(slice_valid), .fold_o(fold), .first_o(first), .last_o(last)
  );

  // Operands: those of a later place in a chain come later
  localparam int unsigned Places    = Chain == 0 ? 1 : Chain;
  localparam int unsigned Narrow    = ElBits < StoreBits ? ElBits : StoreBits;
  localparam int unsigned DotStages = Chain > 0 ? Chain + 2 + $clog2((Simd + Chain - 1) / Chain)
                                                : (Bipolar ? 1 : 1 + $clog2((Narrow + 1) / 2)) + $clog2(Simd);
  localparam int unsigned RomStages = Folds > 1 ? 1 : 0;
  localparam int unsigned Stages    = RomStages + DotStages + 1;  // the last one is the accumulators

  logic [Simd-1:0][ElBits-1:0]            x, x_first;
  logic [Pe-1:0][Simd-1:0][StoreBits-1:0] weight;
  logic [Pe-1:0][OutBits-1:0]             bias;

  logic [Stages-2:0] valid_q, first_q, last_q;  // index = stage, without the last one
  always_ff @(posedge clk_i) begin
    if (!rst_ni)    valid_q <= '0;
    else if (en[0]) valid_q <= (Stages-1)'({valid_q, slice_valid});
  end
  always_ff @(posedge clk_i) begin
    if (en[0]) begin
      first_q <= (Stages-1)'({first_q, first});
      last_q  <= (Stages-1)'({last_q, last});
    end
  end

  xnorsr_weights #(
    .Elements(Elements), .Outputs(Outputs), .Pe(Pe), .Simd(Simd), .Chain(Places), .Paired(Shift > 0),
    .WeightBits(WeightBits), .StoreBits(StoreBits), .FoldBits(FoldBits), .Twice(1'b0), .Weights(Weights)
  ) u_weights (.clk_i, .en_i(en[2]), .fold_i(fold), .w_o(weight));

  for (genvar s = 0; s < Simd; s++) begin : gen_delay
    localparam int unsigned Place = s / Places < Simd / Places ? s % Places : s + Places - Simd;
    if (Place == 0) begin : gen_none
      assign x[s] = x_first[s];
    end else begin : gen_some
      logic [Place-1:0][ElBits-1:0] x_q;
      always_ff @(posedge clk_i) begin
        if (en[1]) x_q <= (Place*ElBits)'({x_q, x_first[s]});
      end
      assign x[s] = x_q[Place-1];
    end
  end

  if (Folds == 1) begin : gen_constant
    assign x_first = slice;
    assign bias    = Bias;
  end else begin : gen_rom
    logic [Simd*ElBits-1:0] x_q;
    always_ff @(posedge clk_i) begin
      if (en[1]) x_q <= slice;
    end
    assign x_first = x_q;

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
          end else if (en[0] && valid_q[Stages-2] && first_q[Stages-2]) begin
            bias_q <= {bias_q[Pe*OutBits-1:0], bias_q[Outputs*OutBits-1:Pe*OutBits]};
          end
        end
      end
      assign bias = bias_q[Pe*OutBits-1:0];
    end
  end

  // Dot products and accumulators
  logic [Pe-1:0][OutBits-1:0] sum, result;
  logic [Pe-1:0]              carry;
  for (genvar p = 0; p < Pairs; p++) begin : gen_pair
    logic [Simd-1:0][Shift+StoreBits-1:0] wide;
    for (genvar s = 0; s < Simd; s++) begin : gen_wide
      assign wide[s] = {weight[2*p+1][s], Shift'(signed'(weight[2*p][s]))};
    end
    xnorsr_dot #(
      .Inputs(Simd), .XBits(ElBits), .WBits(Shift + StoreBits), .Shift(Shift), .Chain(Chain), .SumBits(SumBits),
      .Sign(1'b0), .OutBits(OutBits)
    ) u_dot (.clk_i, .en_i(en[3+2*p]), .x_i(x), .w_i(wide), .y_o(sum[2*p+:2]), .carry_o(carry[2*p+:2]));
  end
  for (genvar p = 2 * Pairs; p < Pe; p++) begin : gen_single
    xnorsr_dot #(
      .Inputs(Simd), .XBits(ElBits), .WBits(StoreBits), .Shift(0), .Chain(Chain), .SumBits(SumBits),
      .Sign(Bipolar), .OutBits(OutBits)
    ) u_dot (.clk_i, .en_i(en[3+p]), .x_i(x), .w_i(weight[p]), .y_o(sum[p]), .carry_o(carry[p]));
  end
  for (genvar p = 0; p < Pe; p++) begin : gen_pe
    logic [OutBits-1:0] base, acc_q;
    logic [OutBits:0]   total;  // the lowest place makes the carry
    assign base  = (Slices == 1 || first_q[Stages-2]) ? bias[p] : acc_q;
    assign total = {base, 1'b1} + {sum[p], carry[p]};
    always_ff @(posedge clk_i) begin
      if (en[3+p]) acc_q <= total[OutBits:1];
    end
    assign result[p] = acc_q;
    logic unused_ok;
    assign unused_ok = total[0];
  end

  // Groups of outputs to whole pixels
  xnorsr_mvu_join #(.Outputs(Outputs), .Pe(Pe), .OutBits(OutBits), .Copies(Copies), .Direct(Folds == 1)) u_join (
    .clk_i, .rst_ni, .en_o(en), .next_o(en_next), .done_i(valid_q[Stages-2] & last_q[Stages-2]), .result_i(result),
    .data_o, .valid_o, .ready_i
  );
endmodule
