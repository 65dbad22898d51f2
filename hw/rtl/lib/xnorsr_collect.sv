// Collects parts to a word, and tells a cycle before whether it takes the next part.
//
// Formula:     data_o = Parts parts in the order in which they came, the first one in the low bits.
// Range:       Parts >= 2; PartBits, Copies >= 1.
// Latency:     Parts cycles from the first part. Interval: 1 cycle per part, without a gap between words.
// Handshake:   all bits of ready_o are equal, and registers: an enable of what makes the parts may use them. next_o is what they
//              are in the next cycle. valid_o and data_o are registers.
// Structure:   Parts - 1 parts stand in a shift register; the last one goes with them into the output register, so that
//              collecting goes on while the output waits. Only the last part needs the output free, so ready_o can be told
//              a cycle before: it is 0 where the last part comes next and the output waits, in which case a word that leaves
//              costs a cycle. That the next part is the last one, and the one before it, are registers: whether the next part
//              is taken is one look-up table of six inputs.
module xnorsr_collect #(
  parameter int unsigned Parts,
  parameter int unsigned PartBits,
  parameter int unsigned Copies     // of ready_o
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  logic [PartBits-1:0]       part_i,
  input  logic                      valid_i,
  output logic [Copies-1:0]         ready_o,
  output logic                      next_o,
  output logic [Parts*PartBits-1:0] data_o,
  output logic                      valid_o,
  input  logic                      ready_i
);
  if (Parts < 2 || PartBits < 1 || Copies < 1) begin : gen_check
    $fatal(1, "%m: Parts = %0d must be at least 2, PartBits = %0d and Copies = %0d at least 1", Parts, PartBits, Copies);
  end

  localparam int unsigned WaitBits  = (Parts - 1) * PartBits;
  localparam int unsigned CountBits = $clog2(Parts);

  logic [WaitBits-1:0]       part_q;  // oldest part in the low bits
  logic [Parts*PartBits-1:0] data_q;
  logic [CountBits-1:0]      count_q;
  logic                      valid_q, before_q, last_q, take;  // before_q, last_q: the next part is the last but one, the last
  assign take    = valid_i & ready_o[0];
  assign next_o  = ~(valid_q & ~ready_i & (take ? before_q : last_q));  // a last part that is taken is no last one then
  assign valid_o = valid_q;
  assign data_o  = data_q;
  xnorsr_copies #(.Copies(Copies)) u_ready (.clk_i, .rst_ni, .next_i({Copies{next_o}}), .copy_o(ready_o));
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q  <= '0;
      before_q <= Parts == 2;
      last_q   <= 1'b0;
      valid_q  <= 1'b0;
    end else begin
      if (take) begin
        count_q  <= last_q ? '0 : count_q + 1'b1;
        before_q <= Parts == 2 ? last_q : count_q == CountBits'(Parts - 3);
        last_q   <= before_q;
      end
      valid_q <= (take & last_q) | (valid_q & ~ready_i);
    end
  end
  always_ff @(posedge clk_i) begin
    if (take && last_q)     data_q <= {part_i, part_q};
    if (valid_i && !last_q) part_q <= WaitBits'({part_i, part_q} >> PartBits);
  end
endmodule
