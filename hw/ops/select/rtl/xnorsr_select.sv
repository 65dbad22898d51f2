// Channels in any order.
//
// Formula:     y[n] = x[Select[n]].
// Range:       Channels, Bits, Outputs, IndexBits >= 1; each number in Select is below Channels.
// Latency:     0 cycles: wires. Interval: 1 cycle per pixel.
// Handshake:   wires.
module xnorsr_select #(
  parameter int unsigned                   Channels,   // of the input
  parameter int unsigned                   Bits,       // of a channel
  parameter int unsigned                   Outputs,    // channels of the output
  parameter int unsigned                   IndexBits,  // bits of a number in Select
  parameter logic [Outputs*IndexBits-1:0]  Select      // channels of the input, output 0's lowest
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic [Channels*Bits-1:0] data_i,
  input  logic                     valid_i,
  output logic                     ready_o,
  output logic [Outputs*Bits-1:0]  data_o,
  output logic                     valid_o,
  input  logic                     ready_i
);
  if (Channels < 1 || Bits < 1 || Outputs < 1 || IndexBits < 1) begin : gen_check
    $fatal(1, "%m: Channels = %0d, Bits = %0d, Outputs = %0d, IndexBits = %0d, each must be at least 1",
           Channels, Bits, Outputs, IndexBits);
  end

  logic unused_ok;  // wires need neither clock nor reset, and not every channel is read
  assign unused_ok = &{1'b0, clk_i, rst_ni, data_i};
  assign valid_o   = valid_i;
  assign ready_o   = ready_i;
  for (genvar n = 0; n < Outputs; n++) begin : gen_output
    localparam int unsigned From = 32'(Select[n*IndexBits+:IndexBits]);
    if (From >= Channels) begin : gen_check_number
      $fatal(1, "%m: Select[%0d] = %0d must be below Channels = %0d", n, From, Channels);
    end
    assign data_o[n*Bits+:Bits] = data_i[From*Bits+:Bits];
  end
endmodule
