// The vector of the frame before: a register that holds a beat from reset on.
//
// Formula:     beat 0 after reset is Start, beat n is what beat n - 1 of the input was.
// Range:       Bits >= 1; any Start.
// Latency:     1 cycle. Interval: 1 cycle.
// Handshake:   ready_o depends on ready_i combinationally; valid_o and data_o are registers.
// Structure:   a pipeline register that is full after reset, so it is one beat ahead of its input for good.
module xnorsr_previous #(
  parameter int unsigned     Bits,  // bits of a beat
  parameter logic [Bits-1:0] Start  // the beat of the first frame
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic [Bits-1:0] data_i,
  input  logic            valid_i,
  output logic            ready_o,
  output logic [Bits-1:0] data_o,
  output logic            valid_o,
  input  logic            ready_i
);
  if (Bits < 1) begin : gen_check
    $fatal(1, "%m: Bits = %0d must be at least 1", Bits);
  end

  logic [Bits-1:0] data_q;
  logic            valid_q;
  assign data_o  = data_q;
  assign valid_o = valid_q;
  assign ready_o = ~valid_q | ready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      data_q  <= Start;
      valid_q <= 1'b1;
    end else if (ready_o) begin
      data_q  <= data_i;
      valid_q <= valid_i;
    end
  end
endmodule
