// Fork: one stream to several consumers.
//
// Formula:     every output sends every beat of the input once.
// Range:       Bits >= 1, Outputs >= 2.
// Latency:     0 cycles. Interval: 1 cycle per beat.
// Handshake:   valid_o depends on valid_i and ready_o on ready_i, both combinationally; valid_o never depends on ready_i. Each
//              output may take its beat in another cycle; the input moves on when all have.
// Structure:   one bit per output that remembers "has taken this beat". No data register: put a FIFO behind an output that
//              must run ahead.
module xnorsr_fork #(
  parameter int unsigned Bits,    // bits of a beat
  parameter int unsigned Outputs  // number of consumers
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic [Bits-1:0]    data_i,
  input  logic               valid_i,
  output logic               ready_o,
  output logic [Bits-1:0]    data_o,   // shared by all outputs
  output logic [Outputs-1:0] valid_o,
  input  logic [Outputs-1:0] ready_i
);
  if (Bits < 1 || Outputs < 2) begin : gen_check
    $fatal(1, "%m: Bits = %0d must be at least 1, Outputs = %0d at least 2", Bits, Outputs);
  end

  logic [Outputs-1:0] taken_q;
  assign data_o  = data_i;
  assign valid_o = {Outputs{valid_i}} & ~taken_q;
  assign ready_o = &(taken_q | ready_i);

  always_ff @(posedge clk_i) begin
    if (!rst_ni)      taken_q <= '0;
    else if (valid_i) taken_q <= ready_o ? '0 : taken_q | ready_i;
  end
endmodule
