// Binary matrix-vector unit: XNOR-popcount convolution of a window, exact accumulators.
//
// Formula:     w = +1 or -1 (weight bit 1 or 0), acc[o] = Bias[o] + sum of w[o]*x over the taps inside the frame.
//              With P_j the ones of XNOR(bit j of x, w) over all taps, those outside the frame filled:
//              Bipolar (InBits = 1): acc = 2P + Bias - Taps*Channels + (outside: sum of w), outside taps filled with -1; with
//              PadValue +1 or -1 filled with that, without the last term.
//              n bits: by bit planes, outside taps filled with 0: acc = sum_j s_j*2^j*(P_j - Z) + Bias, Z the number of
//              weights -1; s_j = -1 for the sign plane of a signed input, else +1.
//              So all but P is a constant of the output and of how many rows and columns of the window lie outside.
// Packing:     data_i = [tap][channel][bit] as from xnorsr_window (tap = ky*K + kx); Weights[o][tap][channel], channel fastest, o
//              slowest, low bits first; Bias[o] and data_o[o] of OutBits each, two's complement.
// Range:       Taps = K*K, K odd; Pe divides Outputs, Simd divides Taps*Channels; PadValue 0, or +-1 if Bipolar; PopLatency >= 1.
//              OutBits must hold every accumulator (arithmetic is modulo 2**OutBits, so Bias alone may exceed it).
// Latency:     F = (Outputs/Pe) * (Taps*Channels/Simd) folds. F = 1: PopLatency + 1 cycles; else F + PopLatency + 3.
// Interval:    F cycles per pixel, no gap between pixels.
// Handshake:   ready_o depends on ready_i combinationally; valid_o and data_o are registers.
// Structure:   a rotating window register and a ROM with one word per fold (weights are constants when F = 1), Pe popcounts per
//              bit plane, an accumulator each that starts from a ROM of the constants, a register that joins the groups
//              of outputs. Correcting the border with a constant leaves the popcounts without a mask: fewer registers, and
//              with constant weights they may share sums between outputs. Bit planes stand side by side, so that n-bit
//              inputs cost area, not cycles.
// Popcount:    $countones and registers, which simulates fast. Under SYNTHESIS, PopcountId >= 0 takes the generated module
//              xnorsr_popcounts with that Id instead; it must have the same latency and, if its weights are constant, these weights.
module xnorsr_mvu_binary #(
  parameter int unsigned                      Channels,    // input channels
  parameter int unsigned                      InBits,      // bits of an input channel
  parameter bit                               InSigned,    // n-bit input is two's complement
  parameter bit                               Bipolar,     // input bit 1 is +1, 0 is -1
  parameter int unsigned                      Taps,        // K*K
  parameter int                               PadValue,    // what stands beyond the border
  parameter int unsigned                      Outputs,
  parameter int unsigned                      Pe,          // outputs per cycle
  parameter int unsigned                      Simd,        // weights of an output per cycle
  parameter int unsigned                      OutBits,     // bits of an accumulator
  parameter logic [Outputs*Taps*Channels-1:0] Weights,
  parameter logic [Outputs*OutBits-1:0]       Bias,
  parameter int unsigned                      PopLatency,  // registers of a popcount
  /* verilator lint_off UNUSEDPARAM */  // simulation has no use for it
  parameter int                               PopcountId   // popcount structure in synthesis, negative: none
  /* verilator lint_on UNUSEDPARAM */
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
  localparam int unsigned Kernel   = Taps == 1 ? 1 : Taps == 9 ? 3 : Taps == 25 ? 5 : Taps == 49 ? 7 : 9;

  if (Channels < 1 || Outputs < 1 || OutBits < 1 || InBits < 1 || PopLatency < 1) begin : gen_check_size
    $fatal(1, "%m: Channels = %0d, Outputs = %0d, OutBits = %0d, InBits = %0d, PopLatency = %0d, each must be at least 1",
           Channels, Outputs, OutBits, InBits, PopLatency);
  end
  if (Taps != Kernel * Kernel) begin : gen_check_taps
    $fatal(1, "%m: Taps = %0d, must be the square of an odd number up to 9", Taps);
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

  // Border: where constants depend on it, the numbers of rows above and below and of columns left and right outside
  localparam bit          Bordered = Bipolar && PadValue == 0 && Kernel > 1;
  localparam int unsigned Half     = Kernel / 2;
  localparam int unsigned SideBits = Bordered ? $clog2(Half + 1) : 0;
  localparam int unsigned Borders  = 1 << (4 * SideBits);
  localparam int unsigned BordBits = Bordered ? 4 * SideBits : 1;
  logic [BordBits-1:0] border_d;
  if (Bordered) begin : gen_border
    logic [3:0][SideBits-1:0] outside;  // above, below, left, right
    always_comb begin
      outside = '0;
      for (int unsigned n = 0; n < Half; n++) begin
        outside[0] += SideBits'(~taps_i[n*Kernel+Half]);
        outside[1] += SideBits'(~taps_i[(Kernel-1-n)*Kernel+Half]);
        outside[2] += SideBits'(~taps_i[Half*Kernel+n]);
        outside[3] += SideBits'(~taps_i[Half*Kernel+Kernel-1-n]);
      end
    end
    assign border_d = outside;
  end else begin : gen_no_border
    assign border_d = '0;
  end

  // Taps outside are filled
  logic [Elements*InBits-1:0] elements;
  for (genvar t = 0; t < Taps; t++) begin : gen_tap
    localparam int unsigned WordBits = Channels * InBits;
    if (Taps == 1) begin : gen_inside
      assign elements = data_i;
    end else begin : gen_fill
      assign elements[t*WordBits+:WordBits] = taps_i[t] ? data_i[t*WordBits+:WordBits] : {WordBits{PadValue > 0}};
    end
  end
  logic unused_taps;  // a border needs those of the middle row and column only
  assign unused_taps = &{1'b0, taps_i};

  // Slices; the border stays with its pixel
  logic                   en;
  logic [Simd*InBits-1:0] slice;
  logic                   slice_valid, first, last;
  logic [FoldBits-1:0]    fold;
  logic [BordBits-1:0]    border;
  xnorsr_fold_sequencer #(
    .ElementBits(InBits), .Elements(Elements), .Simd(Simd), .Groups(Groups), .FoldBits(FoldBits)
  ) u_sequencer (
    .clk_i, .rst_ni, .en_i(en), .data_i(elements), .valid_i, .ready_o,
    .slice_o(slice), .valid_o(slice_valid), .fold_o(fold), .first_o(first), .last_o(last)
  );
  if (Folds == 1) begin : gen_border_wire
    assign border = border_d;
  end else begin : gen_border_reg
    logic [BordBits-1:0] border_q;
    always_ff @(posedge clk_i) begin
      if (ready_o) border_q <= border_d;
    end
    assign border = border_q;
  end

  // Pipeline: (weights from the ROM), popcounts, accumulators
  localparam int unsigned RomStages = Folds > 1 ? 1 : 0;
  localparam int unsigned Stages    = RomStages + PopLatency + 1;  // the last one is the accumulators
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

  // Operands of the popcounts: bit planes of the slice, and the weights
  logic [InBits-1:0][Simd-1:0] plane_d, plane;
  logic [Pe-1:0][Simd-1:0]     weight;
  for (genvar s = 0; s < Simd; s++) begin : gen_plane
    for (genvar j = 0; j < InBits; j++) begin : gen_bit
      assign plane_d[j][s] = slice[s*InBits+j];
    end
  end
  if (Folds == 1) begin : gen_constant
    assign plane  = plane_d;
    assign weight = Weights;
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
    always_ff @(posedge clk_i) begin
      if (en) weight_q <= rom[fold];
    end
    always_ff @(posedge clk_i) begin
      if (en) plane_q <= plane_d;
    end
    assign plane  = plane_q;
    assign weight = weight_q;
  end

  // Popcounts of each bit plane and output
  logic [InBits-1:0][Pe-1:0][PopBits-1:0] counts;
  for (genvar j = 0; j < InBits; j++) begin : gen_counts
`ifdef SYNTHESIS
    if (PopcountId >= 0) begin : gen_structure
      xnorsr_popcounts #(
        .Id(PopcountId), .Inputs(Simd), .Outputs(Pe), .CountBits(PopBits), .Latency(PopLatency)
      ) u_counts (.clk_i, .en_i(en), .x_i(plane[j]), .w_i(weight), .count_o(counts[j]));
    end else
`endif
    begin : gen_countones
      for (genvar p = 0; p < Pe; p++) begin : gen_pe
        logic [PopLatency-1:0][PopBits-1:0] count_q;
        always_ff @(posedge clk_i) begin
          if (en) count_q <= (PopLatency*PopBits)'({count_q, PopBits'($countones(plane[j] ~^ weight[p]))});
        end
        assign counts[j][p] = count_q[PopLatency-1];
      end
    end
  end

  // What the accumulators start from, one word for each group and border
  localparam int unsigned StartBits  = $clog2(Groups * Borders) > 0 ? $clog2(Groups * Borders) : 1;
  localparam int unsigned StartDelay = RomStages + PopLatency - 1;  // then the ROM's register
  logic [Pe*OutBits-1:0] start_rom [Groups*Borders];
  function automatic logic is_outside(int tap, int border_code);
    int row, column, sides;
    row    = tap / int'(Kernel);
    column = tap % int'(Kernel);
    sides  = 1 << SideBits;
    return row < border_code % sides || row + border_code / sides % sides >= int'(Kernel)
        || column < border_code / sides / sides % sides || column + border_code / sides / sides / sides >= int'(Kernel);
  endfunction
  initial begin
    for (int unsigned o = 0; o < Outputs; o++) begin
      automatic logic [Taps-1:0][OutBits-1:0] tap_sum;  // of the weights at a tap
      automatic logic [OutBits-1:0]           start;
      for (int unsigned t = 0; t < Taps; t++) begin
        tap_sum[t] = OutBits'(2 * $countones(Weights[o*Elements+t*Channels+:Channels])) - OutBits'(Channels);
      end
      for (int unsigned b = 0; b < Borders; b++) begin
        start = Bias[o*OutBits+:OutBits];
        if (Bipolar) begin
          start -= OutBits'(Elements);
          for (int unsigned t = 0; t < Taps; t++) begin
            if (Bordered && is_outside(int'(t), int'(b))) start += tap_sum[t];
          end
        end else begin
          // sum_j s_j*2^j is -1 with a sign, else 2**InBits - 1
          start -= OutBits'(Elements - $countones(Weights[o*Elements+:Elements]))
                 * OutBits'(InSigned ? -1 : (1 << InBits) - 1);
        end
        start_rom[(o/Pe)*Borders+b][(o%Pe)*OutBits+:OutBits] = start;
      end
    end
  end

  logic [StartBits-1:0]  start_addr_d, start_addr;
  logic [Pe*OutBits-1:0] start_q;
  if (Groups * Borders == 1) begin : gen_one_start
    logic unused_ok;
    assign unused_ok    = &{1'b0, border};
    assign start_addr_d = '0;
  end else begin : gen_start
    assign start_addr_d = StartBits'((32'(fold) / Slices) * Borders) | StartBits'(Bordered ? border : '0);
  end
  if (StartDelay == 0) begin : gen_start_now
    assign start_addr = start_addr_d;
  end else begin : gen_start_delay
    logic [StartDelay-1:0][StartBits-1:0] addr_q;
    always_ff @(posedge clk_i) begin
      if (en) addr_q <= (StartDelay*StartBits)'({addr_q, start_addr_d});
    end
    assign start_addr = addr_q[StartDelay-1];
  end
  always_ff @(posedge clk_i) begin
    if (en) start_q <= start_rom[start_addr];
  end

  // Accumulators
  logic [Pe*OutBits-1:0] result;
  for (genvar p = 0; p < Pe; p++) begin : gen_acc
    logic [OutBits-1:0] sum, acc_q;
    always_comb begin
      sum = '0;
      for (int unsigned j = 0; j < InBits; j++) begin
        if (InSigned && j == InBits - 1) sum -= OutBits'(counts[j][p]) << j;
        else                             sum += OutBits'(counts[j][p]) << (Bipolar ? 1 : j);
      end
    end
    always_ff @(posedge clk_i) begin
      if (en) acc_q <= ((Slices == 1 || first_q[Stages-2]) ? start_q[p*OutBits+:OutBits] : acc_q) + sum;
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
