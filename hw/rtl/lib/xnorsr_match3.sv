// Three XNORs and their number: the first step of a popcount with variable weights.
//
// Formula:     count_o = number of i with x_i[i] == w_i[i].
// Latency:     combinational.
// Structure:   each bit of the count is one function of six inputs. The module stays a module in synthesis, and its upper bit
//              is no sum of products of XNORs, because Yosys would otherwise keep the XNORs as LUTs of their own: 1.7 instead
//              of 1.1 LUT a bit in a whole popcount.
(* keep_hierarchy = "yes" *)
module xnorsr_match3 (
  input  logic [2:0] x_i,
  input  logic [2:0] w_i,
  output logic [1:0] count_o
);
  logic first, third;
  assign first      = x_i[0] ~^ w_i[0];
  assign third      = x_i[2] ~^ w_i[2];
  assign count_o[0] = ~^{x_i, w_i};
  assign count_o[1] = ^{x_i[1:0], w_i[1:0]} ? third : first;  // the first two differ: the third decides
endmodule
