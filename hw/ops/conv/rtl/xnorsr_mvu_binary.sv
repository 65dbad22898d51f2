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
// Frame:       Width and Height tell which rows and columns of a window can be outside together: at most K cases of each.
// Range:       Taps = K*K, K odd; Pe divides Outputs, Simd divides Taps*Channels; PadValue 0, or +-1 if Bipolar; PopLatency >= 1.
//              OutBits must hold every accumulator (arithmetic is modulo 2**OutBits, so Bias alone may exceed it).
// Latency:     F = (Outputs/Pe) * (Taps*Channels/Simd) folds, A = PopLatency + clog2(InBits) for the counts.
//              F = 1: A + 1 cycles; F <= 64: F + A + 3; else F + A + 4, since the ROM has an output register then.
// Interval:    F cycles per pixel, no gap between pixels.
// Handshake:   F > 1: ready_o follows from registers alone; else it depends on ready_i combinationally. valid_o and data_o are
//              registers.
// Structure:   a rotating window register and a ROM with one word per fold (weights are constants when F = 1), Pe popcounts per
//              bit plane, side by side, an accumulator each that starts from a ROM of the constants, a register that joins the
//              groups of outputs. Correcting the border with a constant leaves the popcounts without a mask: fewer registers,
//              and with constant weights they may share sums between outputs.
// Levels:      stages are written for two LUTs in a row and one carry chain, ROMs of up to 512 words included; a mapping that takes
//              area back may leave up to four (docs/timing.md).
// Popcount:    $countones and registers, which simulates fast. Under SYNTHESIS, PopcountId >= 0 takes the generated module
//              xnorsr_popcounts with that Id instead; it must have the same latency and, if its weights are constant, these weights.
module xnorsr_mvu_binary #(
  parameter int unsigned                      Width,       // pixels per line
  parameter int unsigned                      Height,      // lines a frame
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
  if (Width < 1 || Height < 1) begin : gen_check_frame
    $fatal(1, "%m: Width = %0d, Height = %0d, each must be at least 1", Width, Height);
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

  // Border: where constants depend on it, a case for each way in which a window's rows, and its columns, lie outside.
  // Case n of 1..Half: n rows above the frame; Half + n: none above, n below; 0: none. A window with rows above has
  // Height - 1 - (Half - n) rows of the frame below its centre.
  localparam bit          Bordered = Bipolar && PadValue == 0 && Kernel > 1;
  localparam int unsigned Half     = Kernel / 2;
  localparam int unsigned SideBits = Bordered ? $clog2(Kernel) : 0;
  localparam int unsigned Borders  = Bordered ? Taps : 1;
  localparam int unsigned BordBits = Bordered ? 2 * SideBits : 1;
  logic [BordBits-1:0] border_d;
  if (Bordered) begin : gen_border
    // From the taps of the middle column, or row: those outside stand together at either end
    function automatic logic [SideBits-1:0] side_case(logic [Kernel-1:0] lies_in);
      logic [SideBits-1:0] code;
      code = '0;
      for (int unsigned n = 1; n <= Half; n++) begin
        if (!lies_in[n-1] && (n == Half || lies_in[n])) code |= SideBits'(n);
        if (lies_in[0] && !lies_in[Kernel-n] && (n == Half || lies_in[Kernel-1-n])) code |= SideBits'(Half + n);
      end
      return code;
    endfunction
    logic [Kernel-1:0] middle_column, middle_row;
    for (genvar k = 0; k < Kernel; k++) begin : gen_middle
      assign middle_column[k] = taps_i[k*Kernel+Half];
      assign middle_row[k]    = taps_i[Half*Kernel+k];
    end
    assign border_d = {side_case(middle_column), side_case(middle_row)};
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
  localparam int unsigned Copies = 5;  // of the enable: control, the window's slices, operands, counts, accumulators
  logic [Copies-1:0]      en;
  logic                   en_next;
  logic [Simd*InBits-1:0] slice;
  logic                   slice_valid, first, last;
  logic [FoldBits-1:0]    fold;
  logic [BordBits-1:0]    border;
  xnorsr_fold_sequencer #(
    .ElementBits(InBits), .Elements(Elements), .Simd(Simd), .Groups(Groups), .FoldBits(FoldBits)
  ) u_sequencer (
    .clk_i, .rst_ni, .en_i(en[0]), .word_en_i(en[1]), .next_i(en_next), .data_i(elements), .valid_i, .ready_o,
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

  // Pipeline: (weights from the ROM), popcounts, (sum of bit planes), accumulators
  localparam int unsigned RomStages = Folds == 1 ? 0 : Folds <= 64 ? 1 : 2;
  localparam int unsigned AddStages = $clog2(InBits);
  localparam int unsigned Stages    = RomStages + PopLatency + AddStages + 1;  // the last one is the accumulators
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
    assign unused_ok = &{1'b0, fold, en[2]};
  end else begin : gen_rom
    xnorsr_weights #(
      .Elements(Elements), .Outputs(Outputs), .Pe(Pe), .Simd(Simd), .Chain(1), .Paired(1'b0), .WeightBits(1), .StoreBits(1),
      .FoldBits(FoldBits), .Twice(RomStages == 2), .Weights(Weights)
    ) u_weights (.clk_i, .en_i(en[2]), .fold_i(fold), .w_o(weight));
    logic [RomStages-1:0][InBits-1:0][Simd-1:0] plane_q;  // comes with its weights
    always_ff @(posedge clk_i) begin
      if (en[2]) plane_q <= (RomStages*InBits*Simd)'({plane_q, plane_d});
    end
    assign plane = plane_q[RomStages-1];
  end

  // Popcounts of each bit plane and output
  logic [InBits-1:0][Pe-1:0][PopBits-1:0] counts;
  for (genvar j = 0; j < InBits; j++) begin : gen_counts
`ifdef SYNTHESIS
    if (PopcountId >= 0) begin : gen_structure
      xnorsr_popcounts #(
        .Id(PopcountId), .Inputs(Simd), .Outputs(Pe), .CountBits(PopBits), .Latency(PopLatency)
      ) u_counts (.clk_i, .en_i(en[3]), .x_i(plane[j]), .w_i(weight), .count_o(counts[j]));
    end else
`endif
    begin : gen_countones
      for (genvar p = 0; p < Pe; p++) begin : gen_pe
        logic [PopLatency-1:0][PopBits-1:0] count_q;
        always_ff @(posedge clk_i) begin
          if (en[3]) count_q <= (PopLatency*PopBits)'({count_q, PopBits'($countones(plane[j] ~^ weight[p]))});
        end
        assign counts[j][p] = count_q[PopLatency-1];
      end
    end
  end

  // Sum over the bit planes, two by two; the sign plane counts negative. Modulo 2**OutBits throughout.
  logic [Pe-1:0][OutBits-1:0] sum;
  for (genvar p = 0; p < Pe; p++) begin : gen_sum
    if (InBits == 1) begin : gen_plain
      assign sum[p] = OutBits'(counts[0][p]) << Bipolar;
    end else begin : gen_planes
      for (genvar l = 0; l <= AddStages; l++) begin : gen_level
        localparam int unsigned Terms = (InBits + (1 << l) - 1) >> l;
        logic [Terms-1:0][OutBits-1:0] term;
        for (genvar n = 0; n < Terms; n++) begin : gen_term
          if (l == 0) begin : gen_count
            assign term[n] = OutBits'(counts[n][p]);
          end else begin : gen_add
            localparam int unsigned Below = (InBits + (1 << (l - 1)) - 1) >> (l - 1);  // terms of the level below
            logic [OutBits-1:0] term_q;
            if (2 * n + 1 == Below) begin : gen_alone
              always_ff @(posedge clk_i) begin
                if (en[3]) term_q <= gen_level[l-1].term[2*n];
              end
            end else if (InSigned && 2 * n + 2 == Below && ((InBits - 1) >> (l - 1)) << (l - 1) == InBits - 1) begin : gen_sign
              always_ff @(posedge clk_i) begin  // the sign plane came here alone
                if (en[3]) term_q <= gen_level[l-1].term[2*n] - (gen_level[l-1].term[2*n+1] << (1 << (l - 1)));
              end
            end else begin : gen_pair
              always_ff @(posedge clk_i) begin
                if (en[3]) term_q <= gen_level[l-1].term[2*n] + (gen_level[l-1].term[2*n+1] << (1 << (l - 1)));
              end
            end
            assign term[n] = term_q;
          end
        end
      end
      assign sum[p] = gen_level[AddStages].term[0];
    end
  end

  // What the accumulators start from: words for each group, one for each case of border
  localparam int unsigned GroupBits  = Groups > 1 ? $clog2(Groups) : 0;
  localparam int unsigned CaseBits   = Bordered ? BordBits : 0;
  localparam int unsigned StartBits  = GroupBits + CaseBits > 0 ? GroupBits + CaseBits : 1;
  localparam int unsigned StartWords = ((Groups - 1) << CaseBits) + (Bordered ? ((Kernel - 1) << SideBits) + Kernel : 1);
  localparam int unsigned Ahead      = Stages - 1;  // cycles from a slice to its counts
  localparam bit          StartTwice = StartWords > 64 && Ahead > 1;  // the ROM has an output register
  localparam int unsigned StartDelay = Ahead - (StartTwice ? 2 : 1);
  logic [Pe*OutBits-1:0] start_rom [StartWords];

  // Rows above, or columns left, and below or right of the frame in a case
  function automatic int before_frame(int side);
    return side <= int'(Half) ? side : 0;
  endfunction
  function automatic int behind_frame(int side, int size);
    int most;
    most = side == 0 ? 0 : side <= int'(Half) ? 2 * int'(Half) - side - size + 1 : side - int'(Half);
    return most > 0 ? most : 0;
  endfunction

  initial begin
    for (int unsigned n = 0; n < StartWords; n++) start_rom[n] = '0;
    for (int unsigned o = 0; o < Outputs; o++) begin
      automatic logic [Taps-1:0][OutBits-1:0] tap_sum;  // of the weights at a tap
      automatic logic [OutBits-1:0]           start;
      automatic logic [StartBits-1:0]         address;
      automatic int                           row, column;
      for (int unsigned t = 0; t < Taps; t++) begin
        tap_sum[t] = OutBits'(2 * $countones(Weights[o*Elements+t*Channels+:Channels])) - OutBits'(Channels);
      end
      for (int unsigned b = 0; b < Borders; b++) begin
        row     = int'(b / Kernel);
        column  = int'(b % Kernel);
        address = StartBits'((int'(o / Pe) << CaseBits) + (Bordered ? (row << SideBits) + column : 0));
        start   = Bias[o*OutBits+:OutBits];
        if (Bipolar) begin
          start -= OutBits'(Elements);
          for (int t = 0; t < int'(Taps); t++) begin
            if (Bordered && (t / int'(Kernel) < before_frame(row)
                             || t / int'(Kernel) >= int'(Kernel) - behind_frame(row, int'(Height))
                             || t % int'(Kernel) < before_frame(column)
                             || t % int'(Kernel) >= int'(Kernel) - behind_frame(column, int'(Width)))) begin
              start += tap_sum[t];
            end
          end
        end else begin
          // sum_j s_j*2^j is -1 with a sign, else 2**InBits - 1
          start -= OutBits'(Elements - $countones(Weights[o*Elements+:Elements]))
                 * OutBits'(InSigned ? -1 : (1 << InBits) - 1);
        end
        start_rom[address][(o%Pe)*OutBits+:OutBits] = start;
      end
    end
  end

  logic [StartBits-1:0]  start_addr_d, start_addr;
  logic [Pe*OutBits-1:0] start_q, start;
  if (Groups > 1) begin : gen_groups
    logic [GroupBits-1:0] group_q;  // of the slice that is dealt out
    always_ff @(posedge clk_i) begin
      if (!rst_ni)                           group_q <= '0;
      else if (en[0] && slice_valid && last) group_q <= (group_q == GroupBits'(Groups - 1)) ? '0 : group_q + 1'b1;
    end
    if (Bordered) begin : gen_both
      assign start_addr_d = {group_q, border};
    end else begin : gen_group
      assign start_addr_d = group_q;
      logic unused_ok;
      assign unused_ok = &{1'b0, border};
    end
  end else begin : gen_border_only
    assign start_addr_d = Bordered ? StartBits'(border) : '0;
    logic unused_ok;
    assign unused_ok = &{1'b0, border};
  end
  if (StartDelay == 0) begin : gen_start_now
    assign start_addr = start_addr_d;
  end else begin : gen_start_delay
    logic [StartDelay-1:0][StartBits-1:0] addr_q;
    always_ff @(posedge clk_i) begin
      if (en[4]) addr_q <= (StartDelay*StartBits)'({addr_q, start_addr_d});
    end
    assign start_addr = addr_q[StartDelay-1];
  end
  always_ff @(posedge clk_i) begin
    if (en[4]) start_q <= start_rom[start_addr];
  end
  if (StartTwice) begin : gen_start_twice
    logic [Pe*OutBits-1:0] start2_q;
    always_ff @(posedge clk_i) begin
      if (en[4]) start2_q <= start_q;
    end
    assign start = start2_q;
  end else begin : gen_start_once
    assign start = start_q;
  end

  // Accumulators
  logic [Pe*OutBits-1:0] result;
  for (genvar p = 0; p < Pe; p++) begin : gen_acc
    logic [OutBits-1:0] acc_q;
    always_ff @(posedge clk_i) begin
      if (en[4]) acc_q <= ((Slices == 1 || first_q[Stages-2]) ? start[p*OutBits+:OutBits] : acc_q) + sum[p];
    end
    assign result[p*OutBits+:OutBits] = acc_q;
  end

  // Groups of outputs to whole pixels
  xnorsr_mvu_join #(.Outputs(Outputs), .Pe(Pe), .OutBits(OutBits), .Copies(Copies), .Direct(Folds == 1)) u_join (
    .clk_i, .rst_ni, .en_o(en), .next_o(en_next), .done_i(valid_q[Stages-2] & last_q[Stages-2]), .result_i(result),
    .data_o, .valid_o, .ready_i
  );
endmodule
