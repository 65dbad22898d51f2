// Weights of a folded multiply-accumulate unit: a read-only memory with one word per fold, or constants.
//
// Formula:     w_o[p][s] = weight of output g*Pe + p and element t*Simd + s, where fold_i = g*(Elements/Simd) + t. Paired = 1: from
//              that of an odd p the sign bit of that of p - 1 is subtracted, so that {w_o[p], w_o[p-1] sign-extended to n bits} is
//              weight[p]*2**n + weight[p-1].
// Range:       Pe divides Outputs, Simd divides Elements, Chain >= 1. StoreBits must hold what is stored.
// Latency:     1 cycle for s = 0, and as many cycles more for each s as xnorsr_dot with this Chain asks for, while en_i is 1; with
//              one fold none: constants. Interval: 1.
// Handshake:   none; en_i = 0 holds all registers.
// Structure:   one memory for each place in a chain, so that a later place reads with a later fold number: nothing as wide as the
//              weights is delayed.
module xnorsr_fixed_weights #(
  parameter int unsigned                            Elements,
  parameter int unsigned                            Outputs,
  parameter int unsigned                            Pe,
  parameter int unsigned                            Simd,
  parameter int unsigned                            Chain,
  parameter bit                                     Paired,
  parameter int unsigned                            WeightBits,
  parameter int unsigned                            StoreBits,
  parameter int unsigned                            FoldBits,
  parameter logic [Outputs*Elements*WeightBits-1:0] Weights
) (
  input  logic                                   clk_i,
  input  logic                                   en_i,
  input  logic [FoldBits-1:0]                    fold_i,
  output logic [Pe-1:0][Simd-1:0][StoreBits-1:0] w_o
);
  localparam int unsigned Slices = Elements / Simd;
  localparam int unsigned Folds  = Slices * (Outputs / Pe);
  localparam int unsigned Full   = Simd / Chain;  // whole chains
  localparam int unsigned Rest   = Simd % Chain;  // slices of the short one

  function automatic logic [StoreBits-1:0] stored(int unsigned first, int unsigned p, int unsigned element);
    logic borrow;
    borrow = (Paired && p % 2 == 1) ? Weights[((first+p-1)*Elements+element+1)*WeightBits-1] : 1'b0;
    stored = StoreBits'(signed'(Weights[((first+p)*Elements+element)*WeightBits+:WeightBits])) - StoreBits'(borrow);
  endfunction

  if (Folds == 1) begin : gen_constant
    for (genvar p = 0; p < Pe; p++) begin : gen_output
      for (genvar s = 0; s < Simd; s++) begin : gen_element
        localparam logic [StoreBits-1:0] Word = stored(0, p, s);
        assign w_o[p][s] = Word;
      end
    end
    logic unused_ok;
    assign unused_ok = &{1'b0, clk_i, en_i, fold_i};
  end else begin : gen_roms
    for (genvar j = 0; j < Chain; j++) begin : gen_place
      localparam int unsigned Count = Full + ((Rest > 0 && j >= Chain - Rest) ? 1 : 0);  // chains that have it
      if (Count > 0) begin : gen_rom
        logic [FoldBits-1:0] fold;
        if (j == 0) begin : gen_now
          assign fold = fold_i;
        end else begin : gen_later
          logic [j-1:0][FoldBits-1:0] fold_q;
          always_ff @(posedge clk_i) begin
            if (en_i) fold_q <= (j*FoldBits)'({fold_q, fold_i});
          end
          assign fold = fold_q[j-1];
        end
        logic [Count*Pe*StoreBits-1:0] rom [Folds];
        initial begin
          for (int unsigned f = 0; f < Folds; f++) begin
            for (int unsigned c = 0; c < Count; c++) begin
              for (int unsigned p = 0; p < Pe; p++) begin
                rom[f][(c*Pe+p)*StoreBits+:StoreBits] =
                  stored(f / Slices * Pe, p, f % Slices * Simd + (c < Full ? c * Chain + j : Simd - Chain + j));
              end
            end
          end
        end
        logic [Count*Pe*StoreBits-1:0] word_q;
        always_ff @(posedge clk_i) begin
          if (en_i) word_q <= rom[fold];
        end
        for (genvar c = 0; c < Count; c++) begin : gen_chain
          for (genvar p = 0; p < Pe; p++) begin : gen_output
            assign w_o[p][c<Full?c*Chain+j : Simd-Chain+j] = word_q[(c*Pe+p)*StoreBits+:StoreBits];
          end
        end
      end
    end
  end
endmodule
