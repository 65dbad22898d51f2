// Fixed-point matrix-vector unit with constant weights that takes some bits of every activation in each cycle. No DSP slices.
//
// Formula:     acc[o] = Bias[o] + sum over taps and channels of Weights[o]*x; x = 0 for a tap outside the frame.
// Packing:     data_i = [tap][channel][bit] as from xnorsr_window (tap = ky*K + kx), or any taps and blocks of their channels, each
//              with the bit of taps_i that says whether it lies inside the frame; Weights[o][tap][channel] of WeightBits, two's
//              complement, channel fastest, o slowest, low bits first; Bias[o] and data_o[o] of OutBits each.
// Range:       1 <= Digit <= InBits. SumBits must hold the sum of Weights[o]*u for all u of Digit bits, two's complement. OutBits
//              must hold every accumulator (arithmetic is modulo 2**OutBits).
// Latency:     F = ceil(InBits/Digit) digits. F = 1: SumLatency + 1 cycles; else F + SumLatency + 2.
// Interval:    F cycles per pixel, no gap between pixels.
// Handshake:   F > 1: ready_o follows from registers alone; else it depends on ready_i combinationally. valid_o and data_o are
//              registers.
// Structure:   with u = x + 2**(InBits-1) for a signed x, else u = x, the digits of u from the highest one on:
//              acc = acc*2**Digit + sum of Weights*digit. What u and x differ by is a constant of the output, which is added
//              with the bias, a digit in each cycle: where acc was shifted, Digit bits are free. A register that rotates by one
//              digit of all activations, the sums, an accumulator for each output, a register for the pixel.
// Levels:      no stage has more than two LUTs in a row and one carry chain.
// Sums:        multiplications and registers, which simulate fast. Under SYNTHESIS, SumsId >= 0 takes the generated module
//              xnorsr_digit_sums with that Id instead; it must have the same latency and these weights.
module xnorsr_mvu_digits #(
  parameter int unsigned                                 Channels,    // input channels
  parameter int unsigned                                 InBits,      // bits of an input channel
  parameter bit                                          InSigned,    // input is two's complement
  parameter int unsigned                                 Taps,        // of the window, K*K, or those that are read
  parameter int unsigned                                 Digit,       // bits of each activation per cycle
  parameter int unsigned                                 Outputs,
  parameter int unsigned                                 WeightBits,  // bits of a weight
  parameter int unsigned                                 SumBits,     // bits of the sum of a digit's products
  parameter int unsigned                                 SumLatency,  // register stages of the sums, at least 1
  parameter int unsigned                                 OutBits,     // bits of an accumulator
  parameter logic [Outputs*Taps*Channels*WeightBits-1:0] Weights,
  parameter logic [Outputs*OutBits-1:0]                  Bias,
  /* verilator lint_off UNUSEDPARAM */  // simulation has no use for it
  parameter int                                          SumsId       // of xnorsr_digit_sums in synthesis, negative: none
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
  if (Channels < 1 || Taps < 1 || Outputs < 1 || OutBits < 1 || WeightBits < 1 || SumBits < 1 || SumLatency < 1)
  begin : gen_check_size
    $fatal(1, "%m: Channels = %0d, Taps = %0d, Outputs = %0d, OutBits = %0d, WeightBits = %0d, SumBits = %0d, SumLatency = %0d, %s",
           Channels, Taps, Outputs, OutBits, WeightBits, SumBits, SumLatency, "each must be at least 1");
  end
  if (Digit < 1 || Digit > InBits) begin : gen_check_digit
    $fatal(1, "%m: Digit = %0d must be 1 to InBits = %0d", Digit, InBits);
  end

  localparam int unsigned Elements = Taps * Channels;
  localparam int unsigned Folds    = (InBits + Digit - 1) / Digit;
  localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1;
  localparam int unsigned CodeBits = Folds * Digit;
  localparam int unsigned RowBits  = Elements * WeightBits;

  localparam logic [InBits-1:0] Sign = InBits'(InSigned) << (InBits - 1);

  // Digits of all elements, the highest ones first; borders replaced
  logic [Folds-1:0][Elements-1:0][Digit-1:0] digits;
  for (genvar t = 0; t < Taps; t++) begin : gen_tap
    for (genvar c = 0; c < Channels; c++) begin : gen_channel
      localparam int unsigned E = t * Channels + c;
      logic [InBits-1:0]   x;
      logic [CodeBits-1:0] code;
      assign x    = taps_i[t] ? data_i[E*InBits+:InBits] : '0;
      assign code = CodeBits'(x ^ Sign);
      for (genvar f = 0; f < Folds; f++) begin : gen_digit
        assign digits[f][E] = code[(Folds-1-f)*Digit+:Digit];
      end
    end
  end

  localparam int unsigned Copies = 4;  // of the enable: control, the window's digits, sums, accumulators
  logic [Copies-1:0]               en;
  logic                            en_next;
  logic [Elements-1:0][Digit-1:0]  slice;
  logic                            slice_valid, first, last;
  logic [FoldBits-1:0]             fold;
  xnorsr_fold_sequencer #(
    .ElementBits(Digit), .Elements(Elements * Folds), .Simd(Elements), .Groups(1), .FoldBits(FoldBits)
  ) u_sequencer (
    .clk_i, .rst_ni, .en_i(en[0]), .word_en_i(en[1]), .next_i(en_next), .data_i(digits), .valid_i, .ready_o,
    .slice_o(slice), .valid_o(slice_valid), .fold_o(fold), .first_o(first), .last_o(last)
  );

  logic [SumLatency-1:0]               valid_q, first_q, last_q;  // index = stage
  logic [SumLatency-1:0][FoldBits-1:0] fold_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni)    valid_q <= '0;
    else if (en[0]) valid_q <= SumLatency'({valid_q, slice_valid});
  end
  always_ff @(posedge clk_i) begin
    if (en[0]) begin
      first_q <= SumLatency'({first_q, first});
      last_q  <= SumLatency'({last_q, last});
      fold_q  <= (SumLatency*FoldBits)'({fold_q, fold});
    end
  end

  // Sums of products of a digit
  logic [Outputs-1:0][SumBits-1:0] sum;
`ifdef SYNTHESIS
  if (SumsId >= 0) begin : gen_structure
    xnorsr_digit_sums #(
      .Id(SumsId), .Inputs(Elements), .Digit(Digit), .Outputs(Outputs), .SumBits(SumBits), .Latency(SumLatency)
    ) u_sums (.clk_i, .en_i(en[2]), .x_i(slice), .sum_o(sum));
  end else
`endif
  begin : gen_products
    for (genvar o = 0; o < Outputs; o++) begin : gen_sum
      localparam logic [RowBits-1:0] Row = Weights[o*RowBits+:RowBits];
      logic [SumBits-1:0]                 total;
      logic [SumLatency-1:0][SumBits-1:0] total_q;
      always_comb begin
        total = '0;
        for (int unsigned e = 0; e < Elements; e++) begin
          total += SumBits'(signed'(Row[e*WeightBits+:WeightBits])) * SumBits'(slice[e]);
        end
      end
      always_ff @(posedge clk_i) begin
        if (en[2]) total_q <= (SumLatency*SumBits)'({total_q, total});
      end
      assign sum[o] = total_q[SumLatency-1];
    end
  end

  // What bias and the difference of u and x make together, the highest digit first
  function automatic logic [OutBits+CodeBits-1:0] constant(int unsigned o);
    constant = (OutBits+CodeBits)'(signed'(Bias[o*OutBits+:OutBits]));
    for (int unsigned e = 0; e < Elements; e++) begin
      if (InSigned) begin
        constant -= (OutBits+CodeBits)'(signed'(Weights[o*RowBits+e*WeightBits+:WeightBits])) << (InBits - 1);
      end
    end
  endfunction

  logic [Outputs-1:0][OutBits-1:0] result;
  for (genvar o = 0; o < Outputs; o++) begin : gen_acc
    localparam logic [OutBits+CodeBits-1:0] Constant = constant(o);
    localparam logic [OutBits-1:0]          Start    = OutBits'(Constant >> (CodeBits - Digit));
    logic [OutBits-1:0] base, acc_q;
    if (Folds == 1) begin : gen_whole
      assign base = Start;
    end else begin : gen_step
      logic [Digit-1:0] addend;
      always_comb begin
        addend = '0;
        for (int unsigned f = 1; f < Folds; f++) begin
          if (fold_q[SumLatency-1] == FoldBits'(f)) addend = Constant[(Folds-1-f)*Digit+:Digit];
        end
      end
      assign base = first_q[SumLatency-1] ? Start : OutBits'({acc_q, addend});
    end
    always_ff @(posedge clk_i) begin
      if (en[3]) acc_q <= base + OutBits'(signed'(sum[o]));
    end
    assign result[o] = acc_q;
  end
  logic unused_ok;
  assign unused_ok = &{1'b0, first_q, fold_q, taps_i};

  xnorsr_mvu_join #(.Outputs(Outputs), .Pe(Outputs), .OutBits(OutBits), .Copies(Copies), .Direct(Folds == 1)) u_join (
    .clk_i, .rst_ni, .en_o(en), .next_o(en_next), .done_i(valid_q[SumLatency-1] & last_q[SumLatency-1]), .result_i(result),
    .data_o, .valid_o, .ready_i
  );
endmodule
