// One channel for all channels, one beat for several.
//
// Formula:     each input beat goes out Beats times, Copies of it side by side.
// Range:       Bits, Copies, Beats >= 1.
// Latency:     0 cycles for Beats = 1, else 1. Interval: Beats cycles per input beat, 1 cycle per output beat.
// Handshake:   ready_o depends on ready_i combinationally. For Beats = 1 valid_o and data_o are wires, else registers.
// Structure:   the beat in a register, beside a counter; nothing for Beats = 1.
module xnorsr_broadcast #(
  parameter int unsigned Bits,    // bits of an input beat
  parameter int unsigned Copies,  // of it in an output beat
  parameter int unsigned Beats    // output beats for each input beat
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic [Bits-1:0]        data_i,
  input  logic                   valid_i,
  output logic                   ready_o,
  output logic [Copies*Bits-1:0] data_o,
  output logic                   valid_o,
  input  logic                   ready_i
);
  if (Bits < 1 || Copies < 1 || Beats < 1) begin : gen_check
    $fatal(1, "%m: Bits = %0d, Copies = %0d, Beats = %0d, each must be at least 1", Bits, Copies, Beats);
  end

  if (Beats == 1) begin : gen_wire
    logic unused_ok;  // wires need neither clock nor reset
    assign unused_ok = &{1'b0, clk_i, rst_ni};
    assign data_o    = {Copies{data_i}};
    assign valid_o   = valid_i;
    assign ready_o   = ready_i;
  end else begin : gen_count
    localparam int unsigned CountBits = $clog2(Beats);
    logic [Bits-1:0]      data_q;
    logic [CountBits-1:0] count_q;
    logic                 valid_q, last_q;  // the comparison is made a beat before it is needed
    assign data_o  = {Copies{data_q}};
    assign valid_o = valid_q;
    assign ready_o = ~valid_q | (ready_i & last_q);
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        valid_q <= 1'b0;
        count_q <= '0;
        last_q  <= 1'b0;
      end else begin
        if (ready_o) valid_q <= valid_i;
        if (valid_q && ready_i) begin
          count_q <= last_q ? '0 : count_q + 1'b1;
          last_q  <= !last_q && count_q == CountBits'(Beats - 2);
        end
      end
    end
    always_ff @(posedge clk_i) begin
      if (ready_o) data_q <= data_i;
    end
  end
endmodule
