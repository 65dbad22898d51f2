// Dot product of signed vectors, pipelined.
//
// Formula:     y_o = sum_s x_i[s] * w_i[s], modulo 2**OutBits.
// Range:       Inputs, XBits, WBits, OutBits >= 1; x and w are two's complement.
// Latency:     1 (ProductRegs) + ceil(log4(Inputs)), at least 1, cycles while en_i is 1. Interval: 1.
// Handshake:   none; en_i = 0 holds all registers.
// Structure:   products, registered with ProductRegs as DSP slices want it (without, for constant weights, the first sums take
//              them directly), then a tree that adds four numbers a level, each level registered.
module xnorsr_dot #(
  parameter int unsigned Inputs,
  parameter int unsigned XBits,
  parameter int unsigned WBits,
  parameter int unsigned OutBits,
  parameter bit          ProductRegs
) (
  input  logic                    clk_i,
  input  logic                    en_i,
  input  logic [Inputs*XBits-1:0] x_i,
  input  logic [Inputs*WBits-1:0] w_i,
  output logic [OutBits-1:0]      y_o
);
  localparam int unsigned ProdBits = XBits + WBits;

  function automatic int unsigned levels_of(int unsigned count);
    levels_of = 0;
    while (count > 1) begin
      count = (count + 3) / 4;
      levels_of++;
    end
  endfunction
  function automatic int unsigned count_at(int unsigned level);  // numbers that level leaves
    count_at = Inputs;
    for (int unsigned l = 0; l <= level; l++) count_at = (count_at + 3) / 4;
  endfunction
  // At least one level, so that there is a register even for one product
  localparam int unsigned Levels = Inputs == 1 ? (ProductRegs ? 0 : 1) : levels_of(Inputs);

  logic signed [ProdBits-1:0] product [Inputs];
  always_comb begin
    for (int unsigned s = 0; s < Inputs; s++) begin
      product[s] = ProdBits'(signed'(x_i[s*XBits+:XBits])) * ProdBits'(signed'(w_i[s*WBits+:WBits]));
    end
  end

  logic signed [ProdBits-1:0] leaf [Inputs];
  if (ProductRegs) begin : gen_product_regs
    always_ff @(posedge clk_i) begin
      if (en_i) leaf <= product;
    end
  end else begin : gen_no_product_regs
    assign leaf = product;
  end

  if (Levels == 0) begin : gen_single
    assign y_o = OutBits'(leaf[0]);
  end else begin : gen_tree
    for (genvar l = 0; l < Levels; l++) begin : gen_level
      localparam int unsigned Below = l == 0 ? Inputs : count_at(l - 1);
      localparam int unsigned Count = count_at(l);
      localparam int unsigned Full  = ProdBits + 2 * (l + 1);
      localparam int unsigned Bits  = Full < OutBits ? Full : OutBits;
      logic signed [Bits-1:0] sum   [Count];
      logic signed [Bits-1:0] sum_q [Count];
      if (l == 0) begin : gen_first
        always_comb begin
          for (int unsigned g = 0; g < Count; g++) begin
            sum[g] = '0;
            for (int unsigned i = 4 * g; i < 4 * g + 4 && i < Below; i++) sum[g] += Bits'(leaf[i]);
          end
        end
      end else begin : gen_next
        always_comb begin
          for (int unsigned g = 0; g < Count; g++) begin
            sum[g] = '0;
            for (int unsigned i = 4 * g; i < 4 * g + 4 && i < Below; i++) sum[g] += Bits'(gen_level[l-1].sum_q[i]);
          end
        end
      end
      always_ff @(posedge clk_i) begin
        if (en_i) sum_q <= sum;
      end
    end
    assign y_o = OutBits'(gen_level[Levels-1].sum_q[0]);
  end
endmodule
