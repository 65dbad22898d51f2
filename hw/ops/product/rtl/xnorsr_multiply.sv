// Product of two streams, channel by channel.
//
// Formula:     y[c] = quant(a[c] * b[c]), quant as xnorsr_requant; exact without HasQuant.
// Range:       Pe divides Channels; all widths >= 1. Without HasQuant the output must hold every product.
// Latency:     L = 3 cycles, with HasQuant xnorsr_requant's more, for Pe = Channels, else L + 1 + Channels/Pe.
// Interval:    Channels/Pe cycles per pixel.
// Handshake:   both inputs move together: a_ready_o depends on b_valid_i, b_ready_o on a_valid_i, and for Pe = Channels both on
//              ready_i, combinationally. valid_o and data_o are registers.
// Structure:   Pe multipliers in xnorsr_shell, with registers for operands, product and result, as a DSP slice has them.
module xnorsr_multiply #(
  parameter int unsigned Channels,
  parameter int unsigned Pe,        // channels per cycle
  parameter int unsigned ABits,     // bits of a channel of a
  parameter bit          ASigned,   // a is two's complement
  parameter int unsigned BBits,     // bits of a channel of b
  parameter bit          BSigned,   // b is two's complement
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
  input  logic [Channels*ABits-1:0]   a_data_i,
  input  logic                        a_valid_i,
  output logic                        a_ready_o,
  input  logic [Channels*BBits-1:0]   b_data_i,
  input  logic                        b_valid_i,
  output logic                        b_ready_o,
  output logic [Channels*OutBits-1:0] data_o,
  output logic                        valid_o,
  input  logic                        ready_i
);
  if (Pe < 1 || Channels % Pe != 0) begin : gen_check_pe
    $fatal(1, "%m: Pe = %0d must divide Channels = %0d", Pe, Channels);
  end
  if (ABits < 1 || BBits < 1 || OutBits < 1) begin : gen_check
    $fatal(1, "%m: ABits = %0d, BBits = %0d, OutBits = %0d must be at least 1", ABits, BBits, OutBits);
  end

  localparam int unsigned AWide  = ABits + (ASigned ? 0 : 1);
  localparam int unsigned BWide  = BBits + (BSigned ? 0 : 1);
  localparam int unsigned PBits  = AWide + BWide;
  localparam int unsigned Stages = 3 + (HasQuant ? (OutDivisor > 1 ? 4 : OutShift > 0 ? 1 : 0) + (LogicLevels > 2 ? 1 : 2) : 0);

  // A channel of a and b side by side, and parts of Pe channels
  localparam int unsigned BothBits = ABits + BBits;
  localparam int unsigned FoldBits = Channels > Pe ? $clog2(Channels / Pe) : 1;
  logic [Channels*BothBits-1:0] both;
  logic [Pe*BothBits-1:0]       part;
  logic [Pe*OutBits-1:0]        result;
  logic [FoldBits-1:0]          fold;
  logic [Pe-1:0]                en;
  logic                         ready, unused_fold;
  assign unused_fold = &{1'b0, fold};
  assign a_ready_o   = ready & b_valid_i;
  assign b_ready_o   = ready & a_valid_i;
  for (genvar c = 0; c < Channels; c++) begin : gen_channel
    assign both[c*BothBits+:BothBits] = {b_data_i[c*BBits+:BBits], a_data_i[c*ABits+:ABits]};
  end
  xnorsr_shell #(.Channels(Channels), .Pe(Pe), .InBits(BothBits), .OutBits(OutBits), .Stages(Stages)) u_shell (
    .clk_i, .rst_ni, .data_i(both), .valid_i(a_valid_i & b_valid_i), .ready_o(ready), .part_o(part), .fold_o(fold),
    .en_o(en), .result_i(result), .data_o, .valid_o, .ready_i
  );

  for (genvar p = 0; p < Pe; p++) begin : gen_lane
    logic [ABits-1:0]        a;
    logic [BBits-1:0]        b;
    logic signed [AWide-1:0] a_q;
    logic signed [BWide-1:0] b_q;
    logic signed [PBits-1:0] y;
    assign {b, a} = part[p*BothBits+:BothBits];
    always_ff @(posedge clk_i) begin
      if (en[p]) begin
        a_q <= ASigned ? AWide'(signed'(a)) : AWide'(a);
        b_q <= BSigned ? BWide'(signed'(b)) : BWide'(b);
      end
    end
    xnorsr_product #(.ABits(AWide), .BBits(BWide), .Signed(1'b1)) u_product (
      .clk_i, .en_i(en[p]), .a_i(a_q), .b_i(b_q), .y_o(y)
    );
    if (HasQuant) begin : gen_quant
      xnorsr_requant #(
        .InBits(PBits), .Shift(OutShift), .Divisor(OutDivisor), .Lo(OutLo), .Hi(OutHi), .OutBits(OutBits),
        .LogicLevels(LogicLevels)
      ) u_quant (.clk_i, .en_i(en[p]), .x_i(y), .y_o(result[p*OutBits+:OutBits]));
    end else begin : gen_exact
      logic unused_ok;
      assign unused_ok = &{1'b0, y};
      assign result[p*OutBits+:OutBits] = OutBits'(y);
    end
  end
endmodule
