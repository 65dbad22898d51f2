// End of the matrix-vector units: joins groups of outputs to pixels, and stops the unit where there is no place for one.
//
// Formula:     data_o = Outputs/Pe groups of Pe outputs, the first one in the low bits.
// Range:       Pe divides Outputs; OutBits, Copies >= 1. With Direct, Pe = Outputs; without, pixels are at least two cycles apart.
// Latency:     from done_i, which says that result_i is a group in the next cycle: Direct 1 cycle, else 2 from the last group.
//              Interval: 1 cycle per group.
// Handshake:   Direct: en_o follows ready_i combinationally. Else all its bits are registers, and next_o is what they are in the
//              next cycle. valid_o is a register, data_o is one or result_i.
// Structure:   Direct: wires. Pe < Outputs: xnorsr_collect, which tells a cycle before whether it takes a group: the enable.
//              Pe = Outputs: a register for the pixel, free when the next one is ready, unless the output waits; what both
//              registers will hold tells the enable.
module xnorsr_mvu_join #(
  parameter int unsigned Outputs,
  parameter int unsigned Pe,       // outputs of a group
  parameter int unsigned OutBits,  // bits of an output
  parameter int unsigned Copies,   // of the enable
  parameter bit          Direct    // a pixel may come in every cycle
) (
  input  logic                       clk_i,
  input  logic                       rst_ni,
  output logic [Copies-1:0]          en_o,      // enable of the whole unit, all bits equal
  output logic                       next_o,    // the same a cycle before; 0 with Direct
  input  logic                       done_i,
  input  logic [Pe*OutBits-1:0]      result_i,
  output logic [Outputs*OutBits-1:0] data_o,
  output logic                       valid_o,
  input  logic                       ready_i
);
  logic valid_q, valid_d;
  assign valid_d = en_o[0] ? done_i : valid_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else         valid_q <= valid_d;
  end

  if (Direct) begin : gen_direct
    assign en_o    = {Copies{~valid_q | ready_i}};
    assign next_o  = 1'b0;
    assign data_o  = result_i;
    assign valid_o = valid_q;
  end else if (Pe == Outputs) begin : gen_whole
    logic free, waits_d;
    xnorsr_fifo #(.Bits(Outputs * OutBits), .Depth(1)) u_whole (
      .clk_i, .rst_ni, .data_i(result_i), .valid_i(valid_q), .ready_o(free), .data_o, .valid_o, .ready_i
    );
    assign waits_d = free ? valid_q : ~ready_i;
    assign next_o  = ~(valid_d & waits_d);
    xnorsr_copies #(.Copies(Copies)) u_en (.clk_i, .rst_ni, .next_i({Copies{next_o}}), .copy_o(en_o));
  end else begin : gen_groups
    xnorsr_collect #(.Parts(Outputs / Pe), .PartBits(Pe * OutBits), .Copies(Copies)) u_join (
      .clk_i, .rst_ni, .part_i(result_i), .valid_i(valid_q), .ready_o(en_o), .next_o, .data_o, .valid_o, .ready_i
    );
  end
endmodule
