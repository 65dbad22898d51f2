// Absolute value with saturation, the tests' toy operator.
//
// Formula:     y[c] = min(|x[c]|, 2**OutBits - 1), x two's complement.
// Range:       Channels, InBits >= 1; OutBits 1 to InBits.
// Latency:     1 cycle. Interval: 1 cycle per pixel.
// Handshake:   ready_o depends on ready_i combinationally; valid_o and data_o are registers.
module xnorsr_toy_absolute #(
  parameter int unsigned Channels,
  parameter int unsigned InBits,   // bits of an input channel, signed
  parameter int unsigned OutBits   // bits of an output channel, unsigned
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
  if (Channels < 1 || OutBits < 1 || OutBits > InBits) begin : gen_check
    $fatal(1, "%m: Channels = %0d must be at least 1, OutBits = %0d be 1 to InBits = %0d", Channels, OutBits, InBits);
  end

  assign ready_o = ~valid_o | ready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni)      valid_o <= 1'b0;
    else if (ready_o) valid_o <= valid_i;
  end

  for (genvar c = 0; c < Channels; c++) begin : gen_channel
    logic signed [InBits:0] x, size;
    assign x    = (InBits + 1)'(signed'(data_i[c*InBits+:InBits]));
    assign size = x < 0 ? -x : x;
    always_ff @(posedge clk_i) begin
      if (ready_o) data_o[c*OutBits+:OutBits] <= |size[InBits:OutBits] ? '1 : size[OutBits-1:0];
    end
  end
endmodule
