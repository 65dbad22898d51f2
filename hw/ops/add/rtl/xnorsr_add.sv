// Residual addition of two streams.
//
// Formula:     y[c] = quant((a[c] << ShiftA) + (b[c] << ShiftB)), quant as xnorsr_requant; exact without HasQuant. With
//              Subtract minus (b[c] << ShiftB).
// Range:       shifts 0 to 31; all widths >= 1. Without HasQuant the output must hold every sum.
// Latency:     1 cycle, with HasQuant xnorsr_requant's more. Interval: 1 cycle per pixel.
// Handshake:   both inputs move together: a_ready_o depends on b_valid_i and ready_i, b_ready_o on a_valid_i and ready_i,
//              combinationally; valid_o and data_o are registers.
// Structure:   adder, register, requantization. The FIFO that balances the branches stands outside.
module xnorsr_add #(
  parameter int unsigned Channels,
  parameter int unsigned ABits,     // bits of a channel of a
  parameter bit          ASigned,   // a is two's complement
  parameter int unsigned ShiftA,
  parameter int unsigned BBits,     // bits of a channel of b
  parameter bit          BSigned,   // b is two's complement
  parameter int unsigned ShiftB,
  parameter bit          Subtract,  // b is subtracted
  parameter bit          HasQuant,
  parameter int          OutShift,
  parameter int unsigned OutDivisor,
  parameter int          OutLo,
  parameter int          OutHi,
  parameter int unsigned OutBits,   // bits of an output channel
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
  if (Channels < 1 || ABits < 1 || BBits < 1 || OutBits < 1 || ShiftA > 31 || ShiftB > 31) begin : gen_check
    $fatal(1, "%m: Channels = %0d, ABits = %0d, BBits = %0d, OutBits = %0d must be at least 1, %s%0d, %0d",
           Channels, ABits, BBits, OutBits, "ShiftA, ShiftB at most 31, are ", ShiftA, ShiftB);
  end

  localparam int unsigned AWide   = ABits + ShiftA + (ASigned ? 0 : 1);
  localparam int unsigned BWide   = BBits + ShiftB + (BSigned ? 0 : 1);
  localparam int unsigned SumBits = (AWide > BWide ? AWide : BWide) + 1;
  localparam int unsigned Stages  = 1 + (HasQuant ? (OutDivisor > 1 ? 4 : OutShift > 0 ? 1 : 0)
                                                    + (LogicLevels > 2 ? 1 : 2) : 0);

  // The enable ends at every register of the pipeline. What goes on into the inputs' FIFOs is the same by a register of its own.
  logic [Stages-1:0] valid_q;
  logic              valid_d, idle_q, en, open;  // idle_q: not valid_q[Stages-1]
  assign en        = ~valid_q[Stages-1] | ready_i;
  assign open      = idle_q | ready_i;
  assign a_ready_o = open & b_valid_i;
  assign b_ready_o = open & a_valid_i;
  assign valid_o   = valid_q[Stages-1];
  if (Stages == 1) begin : gen_one
    assign valid_d = a_valid_i & b_valid_i;
  end else begin : gen_more
    assign valid_d = valid_q[Stages-2];
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= '0;
      idle_q  <= 1'b1;
    end else if (en) begin
      valid_q <= Stages'({valid_q, a_valid_i & b_valid_i});
      idle_q  <= ~valid_d;
    end
  end

  for (genvar c = 0; c < Channels; c++) begin : gen_channel
    logic signed [SumBits-1:0] a, b, sum_q;
    if (ASigned) begin : gen_a_signed
      assign a = SumBits'(signed'(a_data_i[c*ABits+:ABits])) <<< ShiftA;
    end else begin : gen_a_unsigned
      assign a = signed'(SumBits'(a_data_i[c*ABits+:ABits])) <<< ShiftA;
    end
    if (BSigned) begin : gen_b_signed
      assign b = SumBits'(signed'(b_data_i[c*BBits+:BBits])) <<< ShiftB;
    end else begin : gen_b_unsigned
      assign b = signed'(SumBits'(b_data_i[c*BBits+:BBits])) <<< ShiftB;
    end
    always_ff @(posedge clk_i) begin
      if (en) sum_q <= Subtract ? a - b : a + b;
    end
    if (HasQuant) begin : gen_quant
      xnorsr_requant #(
        .InBits(SumBits), .Shift(OutShift), .Divisor(OutDivisor), .Lo(OutLo), .Hi(OutHi), .OutBits(OutBits),
        .LogicLevels(LogicLevels)
      ) u_quant (.clk_i, .en_i(en), .x_i(sum_q), .y_o(data_o[c*OutBits+:OutBits]));
    end else begin : gen_exact
      logic unused_ok;
      assign unused_ok = &{1'b0, sum_q};
      assign data_o[c*OutBits+:OutBits] = OutBits'(sum_q);
    end
  end
endmodule
