// Sum of signed numbers, each with a carry of its own, pipelined.
//
// Formula:     y_o + carry_o = sum_i (x_i[i] + carry_i[i]), modulo 2**OutBits; x and y are two's complement, a carry is 0 or 1.
// Range:       Inputs, InBits, OutBits >= 1. Without Carries, carry_i must be 0, and carry_o is 0.
// Latency:     ceil(log2(Inputs)) cycles while en_i is 1; one input: wires. Interval: 1.
// Handshake:   none; en_i = 0 holds all registers.
// Structure:   two numbers an adder, each adder registered: one LUT and one flip-flop a bit, one LUT level and one carry chain
//              between registers. An adder takes the carry of its left number as its own carry in and hands on the right one's.
module xnorsr_adder_tree #(
  parameter int unsigned Inputs,
  parameter int unsigned InBits,
  parameter int unsigned OutBits,
  parameter bit          Carries
) (
  input  logic                          clk_i,
  input  logic                          en_i,
  input  logic [Inputs-1:0][InBits-1:0] x_i,
  input  logic [Inputs-1:0]             carry_i,
  output logic [OutBits-1:0]            y_o,
  output logic                          carry_o
);
  localparam int unsigned Levels = $clog2(Inputs);

  if (Levels == 0) begin : gen_wires
    assign y_o     = OutBits'(signed'(x_i[0]));
    assign carry_o = Carries & carry_i[0];
    logic unused_ok;
    assign unused_ok = &{1'b0, clk_i, en_i, carry_i};
  end else begin : gen_tree
    for (genvar l = 0; l <= Levels; l++) begin : gen_level
      localparam int unsigned Count = (Inputs + (1 << l) - 1) >> l;
      localparam int unsigned Bits  = InBits + l < OutBits ? InBits + l : OutBits;
      logic [Count-1:0][Bits-1:0] sum;
      logic [Count-1:0]           carry;
      if (l == 0) begin : gen_leaves
        for (genvar i = 0; i < Count; i++) begin : gen_leaf
          assign sum[i] = Bits'(x_i[i]);
        end
        assign carry = Carries ? carry_i : '0;
      end else begin : gen_sums
        localparam int unsigned Below = (Inputs + (1 << (l - 1)) - 1) >> (l - 1);
        for (genvar i = 0; i < Count; i++) begin : gen_sum
          logic [Bits-1:0] left, value_q;
          logic            carry_q;
          assign left     = Bits'(signed'(gen_level[l-1].sum[2*i]));
          assign sum[i]   = value_q;
          assign carry[i] = carry_q;
          if (2 * i + 1 == Below) begin : gen_alone
            always_ff @(posedge clk_i) begin
              if (en_i) value_q <= left;
            end
            always_ff @(posedge clk_i) begin
              if (en_i) carry_q <= gen_level[l-1].carry[2*i];
            end
          end else begin : gen_add
            logic [Bits-1:0] right;
            assign right = Bits'(signed'(gen_level[l-1].sum[2*i+1]));
            if (Carries) begin : gen_carry
              logic [Bits:0] total;  // the lowest place makes the carry
              assign total = {left, 1'b1} + {right, gen_level[l-1].carry[2*i]};
              always_ff @(posedge clk_i) begin
                if (en_i) value_q <= total[Bits:1];
              end
              logic unused_ok;
              assign unused_ok = total[0];
            end else begin : gen_no_carry
              always_ff @(posedge clk_i) begin
                if (en_i) value_q <= left + right;
              end
              logic unused_ok;
              assign unused_ok = gen_level[l-1].carry[2*i];
            end
            always_ff @(posedge clk_i) begin
              if (en_i) carry_q <= gen_level[l-1].carry[2*i+1];
            end
          end
        end
      end
    end
    assign y_o     = OutBits'(signed'(gen_level[Levels].sum[0]));
    assign carry_o = gen_level[Levels].carry[0];
  end
endmodule
