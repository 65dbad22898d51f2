// Binary matrix-vector unit: XNOR-popcount convolution of a window, exact accumulators.
//
// Formula:     w = +1 or -1 (weight bit 1 or 0), acc[o] = Bias[o] + sum over valid taps and channels of w[o]*x.
//              Bipolar (InBits = 1): acc = 2P - V, P the ones of XNOR(x, w) over the valid bits, V their number. With PadValue +1
//              or -1 every tap is valid, a tap outside the frame has that value.
//              n bits: by bit planes, acc = sum_j s_j * 2^j * (2P_j - V_j), P_j the ones of AND(x_j, w), V_j those of x_j; s_j = -1
//              for the sign plane of a signed input, else +1. Taps outside the frame are 0.
// Packing:     data_i = [tap][channel][bit] as from xnorsr_window (tap = ky*K + kx); Weights[o][tap][channel], channel fastest, o
//              slowest, low bits first; Bias[o] and data_o[o] of OutBits each, two's complement.
// Range:       Pe divides Outputs, Simd divides Taps*Channels; PadValue 0, or +-1 if Bipolar; PopLatency >= 1. OutBits must hold
//              every accumulator (arithmetic is modulo 2**OutBits, so Bias alone may exceed it).
// Latency:     F = (Outputs/Pe) * (Taps*Channels/Simd) folds. F = 1: PopLatency + 1 cycles; else F + PopLatency + 3.
// Interval:    F cycles a pixel, no gap between pixels.
// Handshake:   ready_o depends on ready_i combinationally; valid_o and data_o are registers.
// Structure:   a rotating window register and a ROM with one word a fold (weights are constants when F = 1), Pe popcounts a
//              bit plane, an accumulator each, a register that joins the groups of outputs. Bit planes stand side by side, so
//              that n-bit inputs cost area, not cycles.
// Popcount:    simulation counts with $countones, which is fast. Under SYNTHESIS PopcountId chooses: -1 the same, -2
//              xnorsr_popcount_tree, >= 0 (F = 1 only) the generated xnorsr_popcount_const with that Id, whose weights are the same.
module xnorsr_mvu_binary #(
  parameter int unsigned                            Channels,    // input channels
  parameter int unsigned                            InBits,      // bits of an input channel
  parameter bit                                     InSigned,    // n-bit input is two's complement
  parameter bit                                     Bipolar,     // input bit 1 is +1, 0 is -1
  parameter int unsigned                            Taps,        // K*K
  parameter int                                     PadValue,    // what stands beyond the border
  parameter int unsigned                            Outputs,
  parameter int unsigned                            Pe,          // outputs a cycle
  parameter int unsigned                            Simd,        // weights of an output a cycle
  parameter int unsigned                            OutBits,     // bits of an accumulator
  parameter logic [Outputs*Taps*Channels-1:0]       Weights,
  parameter logic [Outputs*OutBits-1:0]             Bias,
  parameter int unsigned                            PopLatency,  // registers of a popcount
  parameter int                                     PopcountId   // popcount structure in synthesis
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

  if (Channels < 1 || Taps < 1 || Outputs < 1 || OutBits < 1 || InBits < 1 || PopLatency < 1) begin : gen_check_size
    $fatal(1, "%m: Channels = %0d, Taps = %0d, Outputs = %0d, OutBits = %0d, InBits = %0d, PopLatency = %0d, %s",
           Channels, Taps, Outputs, OutBits, InBits, PopLatency, "each must be at least 1");
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
  localparam int unsigned PopBits  = $clog2(Simd + 1);
  localparam bit          Masked   = Bipolar && PadValue == 0 && Taps > 1;
  localparam int unsigned ElBits   = InBits + (Masked ? 1 : 0);

  // Borders: an element is its bits and, where 0 is no code of it, one more that says whether it counts
  logic [Elements*ElBits-1:0] elements;
  for (genvar t = 0; t < Taps; t++) begin : gen_tap
    for (genvar c = 0; c < Channels; c++) begin : gen_channel
      localparam int unsigned E = t * Channels + c;
      logic [InBits-1:0] x;
      assign x = data_i[E*InBits+:InBits];
      if (Taps == 1) begin : gen_no_border
        assign elements[E*ElBits+:ElBits] = ElBits'(x);
      end else if (Masked) begin : gen_masked
        assign elements[E*ElBits+:ElBits] = {taps_i[t], x};
      end else begin : gen_padded
        assign elements[E*ElBits+:ElBits] = taps_i[t] ? ElBits'(x) : ElBits'(PadValue > 0);
      end
    end
  end
  if (Taps == 1) begin : gen_unused
    logic unused_ok;
    assign unused_ok = &{1'b0, taps_i};
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

  // Operands of the popcounts: bit planes of the slice, its mask, the weights
  localparam int unsigned RomStages = Folds > 1 ? 1 : 0;
  localparam int unsigned Stages    = RomStages + PopLatency + 1;  // the last one is the accumulators
  logic [InBits-1:0][Simd-1:0] plane_d, plane;
  logic [Simd-1:0]             mask_d, mask;
  logic [Pe-1:0][Simd-1:0]     weight;
  logic [Pe-1:0][OutBits-1:0]  bias;
  for (genvar s = 0; s < Simd; s++) begin : gen_plane
    for (genvar j = 0; j < InBits; j++) begin : gen_bit
      assign plane_d[j][s] = slice[s*ElBits+j];
    end
    assign mask_d[s] = Masked ? slice[s*ElBits+ElBits-1] : 1'b1;
  end

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
    assign plane  = plane_d;
    assign mask   = mask_d;
    assign weight = Weights;
    assign bias   = Bias;
    logic unused_ok;
    assign unused_ok = &{1'b0, fold};
  end else begin : gen_rom
    // Fold f = g*Slices + s needs, of each output g*Pe + p, the weights s*Simd and following
    logic [Pe*Simd-1:0] rom [Folds];
    initial begin
      for (int unsigned g = 0; g < Groups; g++) begin
        for (int unsigned s = 0; s < Slices; s++) begin
          for (int unsigned p = 0; p < Pe; p++) begin
            rom[g*Slices+s][p*Simd+:Simd] = Weights[(g*Pe+p)*Elements+s*Simd+:Simd];
          end
        end
      end
    end
    logic [Pe*Simd-1:0]          weight_q;
    logic [InBits-1:0][Simd-1:0] plane_q;
    logic [Simd-1:0]             mask_q;
    always_ff @(posedge clk_i) begin
      if (en) weight_q <= rom[fold];
    end
    always_ff @(posedge clk_i) begin
      if (en) begin
        plane_q <= plane_d;
        mask_q  <= mask_d;
      end
    end
    assign plane  = plane_q;
    assign mask   = mask_q;
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

  // V_j: how many bits count, the same for all outputs
  logic [InBits-1:0][PopBits-1:0] valid_bits;
  for (genvar j = 0; j < InBits; j++) begin : gen_valid_bits
    if (Bipolar && !Masked) begin : gen_all
      assign valid_bits[j] = PopBits'(Simd);
    end else begin : gen_some
      xnorsr_popcount #(.Inputs(Simd), .CountBits(PopBits), .Latency(PopLatency), .Structural(PopcountId != -1)) u_valid (
        .clk_i, .en_i(en), .bits_i(Bipolar ? mask : plane[j]), .count_o(valid_bits[j])
      );
    end
  end

  // P_j of each output, and the accumulators
  logic [InBits-1:0][Pe-1:0][PopBits-1:0] counts;
  for (genvar j = 0; j < InBits; j++) begin : gen_counts
`ifdef SYNTHESIS
    if (PopcountId >= 0 && Folds == 1) begin : gen_generated
      xnorsr_popcount_const #(
        .Id(PopcountId), .Inputs(Simd), .Outputs(Pe), .CountBits(PopBits), .Latency(PopLatency), .Xnor(Bipolar)
      ) u_counts (.clk_i, .en_i(en), .bits_i(plane[j]), .mask_i(mask), .counts_o(counts[j]));
    end else
`endif
    begin : gen_each
      for (genvar p = 0; p < Pe; p++) begin : gen_pe
        logic [Simd-1:0] match;
        assign match = Bipolar ? (plane[j] ~^ weight[p]) & mask : plane[j] & weight[p];
        xnorsr_popcount #(.Inputs(Simd), .CountBits(PopBits), .Latency(PopLatency), .Structural(PopcountId != -1)) u_count (
          .clk_i, .en_i(en), .bits_i(match), .count_o(counts[j][p])
        );
      end
    end
  end

  logic [Pe*OutBits-1:0] result;
  for (genvar p = 0; p < Pe; p++) begin : gen_acc
    logic [OutBits-1:0] sum, acc_q;
    always_comb begin
      sum = '0;
      for (int unsigned j = 0; j < InBits; j++) begin
        if (InSigned && j == InBits - 1) begin
          sum -= ((OutBits'(counts[j][p]) << 1) - OutBits'(valid_bits[j])) << j;
        end else begin
          sum += ((OutBits'(counts[j][p]) << 1) - OutBits'(valid_bits[j])) << j;
        end
      end
    end
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
