// Product of two streams, channel by channel.
//
// Formula:     y[c] = quant(a[c] * b[c]), quant as xnorsr_requant; exact without HasQuant.
// Range:       Pe divides Channels; all widths >= 1. Without HasQuant the output must hold every product.
// Latency:     L = 3 cycles, with HasQuant xnorsr_requant's more, for Pe = Channels, else L + 1 + Channels/Pe.
// Interval:    Channels/Pe cycles per pixel.
// Handshake:   both inputs move together. For Pe = Channels a_ready_o depends on b_valid_i and ready_i, b_ready_o on a_valid_i
//              and ready_i, combinationally; else each stands in a register of its own. valid_o and data_o are registers.
// Structure:   Pe multipliers with registers for operands, product and result, as a DSP slice has them. With fewer than
//              channels both words are cut by a width converter each, and the results are joined by another.
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

  // Parts of Pe channels
  logic [Pe*ABits-1:0]   a_part;
  logic [Pe*BBits-1:0]   b_part;
  logic [Pe*OutBits-1:0] result;
  logic                  a_valid, b_valid, a_ready, b_ready, result_ready;

  // One enable for the whole pipeline
  logic [Stages-1:0] valid_q;
  logic              en;
  assign en      = ~valid_q[Stages-1] | result_ready;
  assign a_ready = en & b_valid;
  assign b_ready = en & a_valid;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else if (en) valid_q <= Stages'({valid_q, a_valid & b_valid});
  end

  for (genvar p = 0; p < Pe; p++) begin : gen_lane
    logic signed [AWide-1:0] a_q;
    logic signed [BWide-1:0] b_q;
    logic signed [PBits-1:0] y;
    always_ff @(posedge clk_i) begin
      if (en) begin
        a_q <= ASigned ? AWide'(signed'(a_part[p*ABits+:ABits])) : AWide'(a_part[p*ABits+:ABits]);
        b_q <= BSigned ? BWide'(signed'(b_part[p*BBits+:BBits])) : BWide'(b_part[p*BBits+:BBits]);
      end
    end
    xnorsr_product #(.ABits(AWide), .BBits(BWide), .Signed(1'b1)) u_product (
      .clk_i, .en_i(en), .a_i(a_q), .b_i(b_q), .y_o(y)
    );
    if (HasQuant) begin : gen_quant
      xnorsr_requant #(
        .InBits(PBits), .Shift(OutShift), .Divisor(OutDivisor), .Lo(OutLo), .Hi(OutHi), .OutBits(OutBits),
        .LogicLevels(LogicLevels)
      ) u_quant (.clk_i, .en_i(en), .x_i(y), .y_o(result[p*OutBits+:OutBits]));
    end else begin : gen_exact
      logic unused_ok;
      assign unused_ok = &{1'b0, y};
      assign result[p*OutBits+:OutBits] = OutBits'(y);
    end
  end

  if (Pe == Channels) begin : gen_parallel
    assign a_part       = a_data_i;
    assign a_valid      = a_valid_i;
    assign a_ready_o    = a_ready;
    assign b_part       = b_data_i;
    assign b_valid      = b_valid_i;
    assign b_ready_o    = b_ready;
    assign data_o       = result;
    assign valid_o      = valid_q[Stages-1];
    assign result_ready = ready_i;
  end else begin : gen_folded
    xnorsr_gearbox #(.InChannels(Channels), .OutChannels(Pe), .Bits(ABits)) u_cut_a (
      .clk_i, .rst_ni, .data_i(a_data_i), .valid_i(a_valid_i), .ready_o(a_ready_o),
      .data_o(a_part), .valid_o(a_valid), .ready_i(a_ready)
    );
    xnorsr_gearbox #(.InChannels(Channels), .OutChannels(Pe), .Bits(BBits)) u_cut_b (
      .clk_i, .rst_ni, .data_i(b_data_i), .valid_i(b_valid_i), .ready_o(b_ready_o),
      .data_o(b_part), .valid_o(b_valid), .ready_i(b_ready)
    );
    xnorsr_gearbox #(.InChannels(Pe), .OutChannels(Channels), .Bits(OutBits)) u_join (
      .clk_i, .rst_ni, .data_i(result), .valid_i(valid_q[Stages-1]), .ready_o(result_ready),
      .data_o, .valid_o, .ready_i
    );
  end
endmodule
