// Triples of XNORs and the number of matches in each: the first step of a popcount with variable weights.
//
// Formula:     count_o[t] = number of i with x_i[t][i] == w_i[t][i].
// Range:       Count >= 1.
// Latency:     combinational.
// Structure:   each bit of a count is one function of six inputs. The module stays a module in synthesis, and a count's upper bit
//              is no sum of products of XNORs, because Yosys would otherwise keep the XNORs as LUTs of their own: 1.7 instead
//              of 1.1 LUT a bit in a whole popcount. All triples of a popcount unit are one instance: Yosys maps each module
//              that it keeps in a run of its own, and hundreds of small ones would take it minutes.
(* keep_hierarchy = "yes" *)
module xnorsr_match3 #(
  parameter int unsigned Count
) (
  input  logic [Count-1:0][2:0] x_i,
  input  logic [Count-1:0][2:0] w_i,
  output logic [Count-1:0][1:0] count_o
);
  if (Count < 1) begin : gen_check_count
    $fatal(1, "%m: Count = %0d, must be at least 1", Count);
  end

  for (genvar t = 0; t < Count; t++) begin : gen_triple
    logic first, third;
    assign first         = x_i[t][0] ~^ w_i[t][0];
    assign third         = x_i[t][2] ~^ w_i[t][2];
    assign count_o[t][0] = ~^{x_i[t], w_i[t]};
    assign count_o[t][1] = ^{x_i[t][1:0], w_i[t][1:0]} ? third : first;  // the first two differ: the third decides
  end
endmodule
