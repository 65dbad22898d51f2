// Weights of a folded matrix-vector unit: read-only memories with one word per fold, or constants.
//
// Formula:     w_o[p][s] = weight of output g*Pe + p and element t*Simd + s, where fold_i = g*(Elements/Simd) + t. Paired = 1: from
//              that of an odd p the sign bit of that of p - 1 is subtracted, so that {w_o[p], w_o[p-1] sign-extended to n bits} is
//              weight[p]*2**n + weight[p-1].
// Range:       Pe divides Outputs, Simd divides Elements, 1 <= Chain <= Simd. StoreBits must hold what is stored; a weight of one
//              bit is stored as it is.
// Latency:     1 cycle for s = 0, 2 if Twice; and as many cycles more for each s as xnorsr_dot with this Chain asks for, while en_i
//              is 1; with one fold none: constants. Interval: 1.
// Handshake:   none; en_i = 0 holds all registers.
// Structure:   one memory (xnorsr_weight_rom) for each place in a chain, so that a later place reads with a later fold number:
//              nothing as wide as the weights is delayed. A memory of more words than a look-up table has is kept as it is: mapped
//              together with a slower path, its look-up tables would get fewer and stand up to seven in a row.
module xnorsr_weights #(
  parameter int unsigned                            Elements,
  parameter int unsigned                            Outputs,
  parameter int unsigned                            Pe,
  parameter int unsigned                            Simd,
  parameter int unsigned                            Chain,       // places; 1 where all weights are needed at once
  parameter bit                                     Paired,
  parameter int unsigned                            WeightBits,
  parameter int unsigned                            StoreBits,
  parameter int unsigned                            FoldBits,
  parameter bit                                     Twice,       // the memories have an output register
  parameter logic [Outputs*Elements*WeightBits-1:0] Weights
) (
  input  logic                                   clk_i,
  input  logic                                   en_i,
  input  logic [FoldBits-1:0]                    fold_i,
  output logic [Pe-1:0][Simd-1:0][StoreBits-1:0] w_o
);
  localparam int unsigned Folds = Elements / Simd * (Outputs / Pe);
  localparam int unsigned Full  = Simd / Chain;  // whole chains
  localparam int unsigned Rest  = Simd % Chain;  // slices of the short one

  for (genvar j = 0; j < Chain; j++) begin : gen_place
    localparam int unsigned Count = Full + ((Rest > 0 && j >= Chain - Rest) ? 1 : 0);  // chains that have it
    logic [FoldBits-1:0]           fold;
    logic [Count*Pe*StoreBits-1:0] word;
    if (j == 0 || Folds == 1) begin : gen_now
      assign fold = fold_i;
    end else begin : gen_later
      logic [j-1:0][FoldBits-1:0] fold_q;
      always_ff @(posedge clk_i) begin
        if (en_i) fold_q <= (j*FoldBits)'({fold_q, fold_i});
      end
      assign fold = fold_q[j-1];
    end
    if (Folds <= 64) begin : gen_small
      xnorsr_weight_rom #(
        .Elements(Elements), .Outputs(Outputs), .Pe(Pe), .Simd(Simd), .Chain(Chain), .Place(j), .Paired(Paired),
        .WeightBits(WeightBits), .StoreBits(StoreBits), .FoldBits(FoldBits), .Twice(Twice), .Weights(Weights)
      ) u_rom (.clk_i, .en_i, .fold_i(fold), .word_o(word));
    end else begin : gen_kept
      (* keep_hierarchy = "yes" *)
      xnorsr_weight_rom #(
        .Elements(Elements), .Outputs(Outputs), .Pe(Pe), .Simd(Simd), .Chain(Chain), .Place(j), .Paired(Paired),
        .WeightBits(WeightBits), .StoreBits(StoreBits), .FoldBits(FoldBits), .Twice(Twice), .Weights(Weights)
      ) u_rom (.clk_i, .en_i, .fold_i(fold), .word_o(word));
    end
    for (genvar c = 0; c < Count; c++) begin : gen_chain
      for (genvar p = 0; p < Pe; p++) begin : gen_output
        assign w_o[p][c<Full?c*Chain+j : Simd-Chain+j] = word[(p*Count+c)*StoreBits+:StoreBits];
      end
    end
  end
endmodule
