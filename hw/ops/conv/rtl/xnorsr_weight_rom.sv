// Weights of one place in the chains of a folded matrix-vector unit: a read-only memory with one word per fold, or constants.
//
// Formula:     word_o[p][c] = weight of output g*Pe + p and element t*Simd + s, where fold_i = g*(Elements/Simd) + t and s is the one
//              of chain c at Place: c*Chain + Place, in the last, short chain Simd - Chain + Place. Paired as in xnorsr_weights.
// Packing:     weights of StoreBits, c fastest, low bits first.
// Range:       Pe divides Outputs, Simd divides Elements, 1 <= Chain <= Simd, Place < Chain. StoreBits must hold what is stored.
// Latency:     1 cycle while en_i is 1, 2 if Twice; with one fold none: constants. Interval: 1.
// Handshake:   none; en_i = 0 holds all registers.
// Structure:   an array that an initial block fills. Tools make look-up tables or block RAM of it; a register behind block RAM goes
//              into it.
module xnorsr_weight_rom #(
  parameter int unsigned                            Elements,
  parameter int unsigned                            Outputs,
  parameter int unsigned                            Pe,
  parameter int unsigned                            Simd,
  parameter int unsigned                            Chain,
  parameter int unsigned                            Place,
  parameter bit                                     Paired,
  parameter int unsigned                            WeightBits,
  parameter int unsigned                            StoreBits,
  parameter int unsigned                            FoldBits,
  parameter bit                                     Twice,
  parameter logic [Outputs*Elements*WeightBits-1:0] Weights,
  localparam int unsigned Count = Simd / Chain + ((Simd % Chain > 0 && Place >= Chain - Simd % Chain) ? 1 : 0)
) (
  input  logic                          clk_i,
  input  logic                          en_i,
  input  logic [FoldBits-1:0]           fold_i,
  output logic [Count*Pe*StoreBits-1:0] word_o
);
  localparam int unsigned Slices = Elements / Simd;
  localparam int unsigned Folds  = Slices * (Outputs / Pe);

  if (Pe < 1 || Outputs % Pe != 0 || Simd < 1 || Elements % Simd != 0) begin : gen_check_folding
    $fatal(1, "%m: Pe = %0d must divide Outputs = %0d, Simd = %0d must divide Elements = %0d", Pe, Outputs, Simd, Elements);
  end
  if (Chain < 1 || Chain > Simd || Place >= Chain) begin : gen_check_place
    $fatal(1, "%m: Place = %0d must be less than Chain = %0d, at most Simd = %0d", Place, Chain, Simd);
  end

  function automatic logic [StoreBits-1:0] stored(int unsigned first, int unsigned p, int unsigned element);
    logic borrow;
    borrow = (Paired && p % 2 == 1) ? Weights[((first+p-1)*Elements+element+1)*WeightBits-1] : 1'b0;
    stored = StoreBits'(signed'(Weights[((first+p)*Elements+element)*WeightBits+:WeightBits])) - StoreBits'(borrow);
  endfunction

  // Element of the slice in chain c
  function automatic int unsigned element_of(int unsigned c);
    return c < Simd / Chain ? c * Chain + Place : Simd - Chain + Place;
  endfunction

  if (Folds == 1) begin : gen_constant
    for (genvar c = 0; c < Count; c++) begin : gen_chain
      for (genvar p = 0; p < Pe; p++) begin : gen_output
        localparam logic [StoreBits-1:0] Word = stored(0, p, element_of(c));
        assign word_o[(p*Count+c)*StoreBits+:StoreBits] = Word;
      end
    end
    logic unused_ok;
    assign unused_ok = &{1'b0, clk_i, en_i, fold_i};
  end else begin : gen_rom
    logic [Count*Pe*StoreBits-1:0] rom [Folds];
    // Whole words: Yosys keeps each assignment to a part of one as a cell as wide as the word
    if (Chain == 1 && StoreBits == WeightBits && !Paired) begin : gen_rows
      initial begin
        for (int unsigned f = 0; f < Folds; f++) begin
          automatic logic [Count*Pe*StoreBits-1:0] word;
          for (int unsigned p = 0; p < Pe; p++) begin
            word[p*Simd*WeightBits+:Simd*WeightBits] =
              Weights[((f/Slices*Pe+p)*Elements+f%Slices*Simd)*WeightBits+:Simd*WeightBits];
          end
          rom[f] = word;
        end
      end
    end else begin : gen_elements
      initial begin
        for (int unsigned f = 0; f < Folds; f++) begin
          automatic logic [Count*Pe*StoreBits-1:0] word;
          for (int unsigned p = 0; p < Pe; p++) begin
            for (int unsigned c = 0; c < Count; c++) begin
              word[(p*Count+c)*StoreBits+:StoreBits] = stored(f / Slices * Pe, p, f % Slices * Simd + element_of(c));
            end
          end
          rom[f] = word;
        end
      end
    end
    logic [Count*Pe*StoreBits-1:0] word_q;
    always_ff @(posedge clk_i) begin
      if (en_i) word_q <= rom[fold_i];
    end
    if (Twice) begin : gen_twice
      logic [Count*Pe*StoreBits-1:0] word_q2;
      always_ff @(posedge clk_i) begin
        if (en_i) word_q2 <= word_q;
      end
      assign word_o = word_q2;
    end else begin : gen_once
      assign word_o = word_q;
    end
  end
endmodule
