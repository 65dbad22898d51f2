// End of the matrix-vector units: joins groups of outputs to pixels, and stops the unit where there is no place for one.
//
// Formula:     data_o = Outputs/Pe groups of Pe outputs, the first one in the low bits.
// Range:       Pe divides Outputs; OutBits >= 1. With Direct, Pe = Outputs; without, pixels are at least two cycles apart.
// Latency:     from done_i, which says that result_i is a group in the next cycle: Direct 1 cycle, else 2 from the last group.
//              Interval: 1 cycle per group.
// Handshake:   Direct: en_o follows ready_i combinationally. Else it follows from registers alone, for Pe < Outputs is one.
//              valid_o is a register, data_o is one or result_i.
// Structure:   Direct: wires. Pe < Outputs: a width converter, which tells a cycle before whether it takes a group: the enable.
//              Pe = Outputs: a register for the pixel, free when the next one is ready, unless the output waits.
module xnorsr_mvu_join #(
  parameter int unsigned Outputs,
  parameter int unsigned Pe,       // outputs of a group
  parameter int unsigned OutBits,  // bits of an output
  parameter bit          Direct    // a pixel may come in every cycle
) (
  input  logic                       clk_i,
  input  logic                       rst_ni,
  output logic                       en_o,      // enable of the whole unit
  input  logic                       done_i,
  input  logic [Pe*OutBits-1:0]      result_i,
  output logic [Outputs*OutBits-1:0] data_o,
  output logic                       valid_o,
  input  logic                       ready_i
);
  logic valid_q, ready;
  assign en_o = (Pe < Outputs ? 1'b0 : ~valid_q) | ready;
  always_ff @(posedge clk_i) begin
    if (!rst_ni)   valid_q <= 1'b0;
    else if (en_o) valid_q <= done_i;
  end

  if (Direct) begin : gen_direct
    assign data_o  = result_i;
    assign valid_o = valid_q;
    assign ready   = ready_i;
  end else if (Pe == Outputs) begin : gen_whole
    xnorsr_fifo #(.Bits(Outputs * OutBits), .Depth(1)) u_whole (
      .clk_i, .rst_ni, .data_i(result_i), .valid_i(valid_q), .ready_o(ready), .data_o, .valid_o, .ready_i
    );
  end else begin : gen_groups
    xnorsr_gearbox #(.InChannels(Pe), .OutChannels(Outputs), .Bits(OutBits)) u_join (
      .clk_i, .rst_ni, .data_i(result_i), .valid_i(valid_q), .ready_o(ready), .data_o, .valid_o, .ready_i
    );
  end
endmodule
