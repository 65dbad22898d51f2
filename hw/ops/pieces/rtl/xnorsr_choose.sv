// One of several words, chosen by a bit of its own: an AND for each, and an OR of all.
//
// Formula:     word_o is the OR of words_i[i] over all i with here_i[i] = 1: the chosen word, if no other than that is chosen or not 0.
// Packing:     words_i[i] of Bits each, the first one in the low bits.
// Range:       Pieces, Bits >= 1.
// Latency:     0 cycles. Interval: 1.
// Handshake:   none; word_o depends on both inputs combinationally.
// Structure:   an OR over the pieces for each bit, which tools balance as they do not balance choices in a row. Where the words are
//              no constants the instance is kept as it is: mapped together with a slower path, it would get smaller and deeper.
module xnorsr_choose #(
  parameter int unsigned Pieces,
  parameter int unsigned Bits
) (
  input  logic [Pieces-1:0]      here_i,
  input  logic [Pieces*Bits-1:0] words_i,
  output logic [Bits-1:0]        word_o
);
  if (Pieces < 1 || Bits < 1) begin : gen_check
    $fatal(1, "%m: Pieces = %0d, Bits = %0d, each must be at least 1", Pieces, Bits);
  end
  for (genvar b = 0; b < Bits; b++) begin : gen_bit
    logic [Pieces-1:0] of_pieces;
    for (genvar i = 0; i < Pieces; i++) begin : gen_piece
      assign of_pieces[i] = words_i[i*Bits+b];
    end
    assign word_o[b] = |(here_i & of_pieces);
  end
endmodule
