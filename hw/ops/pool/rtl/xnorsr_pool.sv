// Sum over the frame: one vector for each frame.
//
// Formula:     y[c] = quant(x[c] of all Beats pixels added), quant as xnorsr_requant; exact without HasQuant.
// Range:       Beats, InBits, SumBits, OutBits >= 1; Pe divides Channels, is Channels without HasQuant; SumBits hold every sum.
// Latency:     from the last pixel L = 1 cycle, with HasQuant xnorsr_requant's more, for Pe = Channels, else
//              L + 1 + Channels/Pe.
// Interval:    1 cycle per pixel, no gap between frames of Channels/Pe pixels and more.
// Handshake:   ready_o is xnorsr_shell's, or follows ready_i without HasQuant, after the last pixel of a frame, else 1; valid_o and
//              data_o are registers.
// Structure:   an adder and a register for each channel, requantizers in xnorsr_shell. With fewer of them than channels they work
//              while the next frame is summed up.
module xnorsr_pool #(
  parameter int unsigned Channels,
  parameter int unsigned Pe,        // channels requantized per cycle
  parameter int unsigned InBits,    // bits of an input channel
  parameter bit          InSigned,  // input is two's complement
  parameter int unsigned Beats,     // pixels of a frame
  parameter int unsigned SumBits,   // bits of a sum, two's complement
  parameter bit          HasQuant,
  parameter int          OutShift,
  parameter int unsigned OutDivisor,
  parameter int          OutLo,
  parameter int          OutHi,
  parameter int unsigned OutBits,    // bits of an output channel
  parameter int unsigned LogicLevels  // look-up tables between registers
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
  if (Pe < 1 || Channels % Pe != 0 || (!HasQuant && Pe != Channels)) begin : gen_check_pe
    $fatal(1, "%m: Pe = %0d must divide Channels = %0d, and be the same without HasQuant", Pe, Channels);
  end
  if (Beats < 1 || InBits < 1 || SumBits < 1 || OutBits < 1) begin : gen_check
    $fatal(1, "%m: Beats = %0d, InBits = %0d, SumBits = %0d, OutBits = %0d must be at least 1",
           Beats, InBits, SumBits, OutBits);
  end

  // Which pixel comes: the comparisons are made a pixel before they are needed.
  localparam int unsigned CountBits = Beats > 1 ? $clog2(Beats) : 1;
  logic [CountBits-1:0] count_q;
  logic                 first_q, last_q, full_q, sums_ready, take;
  assign ready_o = ~full_q | sums_ready;
  assign take    = valid_i & ready_o;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q <= '0;
      first_q <= 1'b1;
      last_q  <= Beats == 1;
      full_q  <= 1'b0;
    end else begin
      if (take) begin
        count_q <= last_q ? '0 : count_q + 1'b1;
        first_q <= last_q;
        last_q  <= Beats == 1 || (!last_q && 32'(count_q) == 32'(Beats) - 2);
      end
      if (ready_o) full_q <= take & last_q;
    end
  end

  logic [Channels*SumBits-1:0] sums_q;
  for (genvar c = 0; c < Channels; c++) begin : gen_channel
    logic signed [SumBits-1:0] x;
    if (InSigned) begin : gen_signed
      assign x = SumBits'(signed'(data_i[c*InBits+:InBits]));
    end else begin : gen_unsigned
      assign x = signed'(SumBits'(data_i[c*InBits+:InBits]));
    end
    always_ff @(posedge clk_i) begin
      if (take) sums_q[c*SumBits+:SumBits] <= (first_q ? SumBits'(0) : sums_q[c*SumBits+:SumBits]) + SumBits'(x);
    end
  end

  if (!HasQuant) begin : gen_exact
    logic unused_ok;
    assign unused_ok  = &{1'b0, sums_q};  // the sign bit of sums that are never negative
    assign valid_o    = full_q;
    assign sums_ready = ready_i;
    for (genvar c = 0; c < Channels; c++) begin : gen_channel
      assign data_o[c*OutBits+:OutBits] = OutBits'(sums_q[c*SumBits+:SumBits]);
    end
  end else begin : gen_quant
    localparam int unsigned Stages   = (OutDivisor > 1 ? 4 : OutShift > 0 ? 1 : 0) + (LogicLevels > 2 ? 1 : 2);
    localparam int unsigned FoldBits = Channels > Pe ? $clog2(Channels / Pe) : 1;
    logic [Pe*SumBits-1:0] part;
    logic [Pe*OutBits-1:0] result;
    logic [FoldBits-1:0]   fold;
    logic [Pe-1:0]         en;
    logic                  unused_ok;
    assign unused_ok = &{1'b0, fold};
    xnorsr_shell #(.Channels(Channels), .Pe(Pe), .InBits(SumBits), .OutBits(OutBits), .Stages(Stages)) u_shell (
      .clk_i, .rst_ni, .data_i(sums_q), .valid_i(full_q), .ready_o(sums_ready), .part_o(part), .fold_o(fold), .en_o(en),
      .result_i(result), .data_o, .valid_o, .ready_i
    );
    for (genvar p = 0; p < Pe; p++) begin : gen_lane
      xnorsr_requant #(
        .InBits(SumBits), .Shift(OutShift), .Divisor(OutDivisor), .Lo(OutLo), .Hi(OutHi), .OutBits(OutBits),
        .LogicLevels(LogicLevels)
      ) u_quant (.clk_i, .en_i(en[p]), .x_i(part[p*SumBits+:SumBits]), .y_o(result[p*OutBits+:OutBits]));
    end
  end
endmodule
