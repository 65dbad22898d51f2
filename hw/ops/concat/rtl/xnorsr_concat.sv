// Concatenation of the channels of several streams, behind xnorsr_concat_part of each.
//
// Formula:     y[c] = quant(x[c]), quant as xnorsr_requant; y[c] = x[c] without HasQuant.
// Range:       Inputs >= 2, Channels, InBits, OutBits >= 1. Without HasQuant the output must hold every code.
// Latency:     without HasQuant 0 cycles, with it xnorsr_requant's. Interval: 1 cycle per pixel.
// Handshake:   all inputs move together: ready_o[n] depends on ready_i and on the other inputs' valid_i, combinationally. With
//              HasQuant valid_o and data_o are registers, else wires.
// Structure:   the words side by side. The FIFOs that balance the branches stand outside.
module xnorsr_concat #(
  parameter int unsigned Inputs,      // number of streams
  parameter int unsigned Channels,    // of all of them together
  parameter int unsigned InBits,      // bits of a channel on the common grid, two's complement
  parameter bit          HasQuant,
  parameter int          OutShift,
  parameter int unsigned OutDivisor,
  parameter int          OutLo,
  parameter int          OutHi,
  parameter int unsigned OutBits,      // bits of an output channel
  parameter int unsigned LogicLevels  // look-up tables between registers
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  input  logic [Channels*InBits-1:0]  data_i,
  input  logic [Inputs-1:0]           valid_i,
  output logic [Inputs-1:0]           ready_o,
  output logic [Channels*OutBits-1:0] data_o,
  output logic                        valid_o,
  input  logic                        ready_i
);
  if (Inputs < 2 || Channels < 1 || InBits < 1 || OutBits < 1) begin : gen_check
    $fatal(1, "%m: Inputs = %0d must be at least 2, Channels = %0d, InBits = %0d, OutBits = %0d at least 1",
           Inputs, Channels, InBits, OutBits);
  end

  // An input may move when all others are there; its own valid bit need not stand in its ready bit.
  logic en;
  for (genvar n = 0; n < Inputs; n++) begin : gen_input
    localparam logic [Inputs-1:0] Own = Inputs'(1) << n;
    assign ready_o[n] = en & (&(valid_i | Own));
  end

  if (HasQuant) begin : gen_quant
    localparam int unsigned Stages = (OutDivisor > 1 ? 4 : OutShift > 0 ? 1 : 0) + (LogicLevels > 2 ? 1 : 2);
    logic [Stages-1:0] valid_q;
    assign en      = ~valid_q[Stages-1] | ready_i;
    assign valid_o = valid_q[Stages-1];
    always_ff @(posedge clk_i) begin
      if (!rst_ni) valid_q <= '0;
      else if (en) valid_q <= Stages'({valid_q, &valid_i});
    end
    for (genvar c = 0; c < Channels; c++) begin : gen_channel
      xnorsr_requant #(
        .InBits(InBits), .Shift(OutShift), .Divisor(OutDivisor), .Lo(OutLo), .Hi(OutHi), .OutBits(OutBits),
        .LogicLevels(LogicLevels)
      ) u_quant (.clk_i, .en_i(en), .x_i(data_i[c*InBits+:InBits]), .y_o(data_o[c*OutBits+:OutBits]));
    end
  end else begin : gen_exact
    logic unused_ok;  // wires need neither clock nor reset, and a sign bit that is never set goes nowhere
    assign unused_ok = &{1'b0, clk_i, rst_ni, data_i};
    assign en        = ready_i;
    assign valid_o   = &valid_i;
    for (genvar c = 0; c < Channels; c++) begin : gen_channel
      assign data_o[c*OutBits+:OutBits] = OutBits'(data_i[c*InBits+:InBits]);
    end
  end
endmodule
