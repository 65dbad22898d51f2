// Register slice: cuts the valid, data and ready paths between two modules.
//
// Formula:     data_o[n] = data_i[n].
// Range:       Bits >= 1.
// Latency:     1 cycle. Interval: 1 cycle per beat.
// Handshake:   valid_o, data_o and ready_o are registers; no path from an input to an output.
// Structure:   two registers. The second one takes the beat that arrives in the cycle in which the consumer stalls, so
//              ready_o may be a register and no beat is lost. That register is the complement of the one that chooses the
//              data: the handshake's net does not go to every bit, and neither is merged with the other.
module xnorsr_skid #(
  parameter int unsigned Bits  // bits of a beat
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
  if (Bits < 1) begin : gen_check_bits
    $fatal(1, "%m: Bits = %0d, must be at least 1", Bits);
  end

  logic [Bits-1:0] out_q, spare_q;
  logic            out_valid_q, spare_valid_q, ready_q;

  assign ready_o = ready_q;
  assign valid_o = out_valid_q;
  assign data_o  = out_q;

  always_ff @(posedge clk_i) begin
    if (ready_i || !out_valid_q) begin
      out_q <= spare_valid_q ? spare_q : data_i;
    end
    if (!spare_valid_q) begin
      spare_q <= data_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      out_valid_q   <= 1'b0;
      spare_valid_q <= 1'b0;
      ready_q       <= 1'b1;
    end else if (ready_i || !out_valid_q) begin
      out_valid_q   <= spare_valid_q | valid_i;
      spare_valid_q <= 1'b0;
      ready_q       <= 1'b1;
    end else begin
      spare_valid_q <= spare_valid_q | valid_i;
      ready_q       <= ~(spare_valid_q | valid_i);
    end
  end
endmodule
