// Saturation to a range of codes.
//
// Formula:     y_o = min(max(x_i, Lo), Hi), as OutBits bits.
// Range:       InBits, OutBits >= 1; Lo <= Hi, both fit OutBits.
// Latency:     0 cycles (combinational).
// Structure:   a bound that x_i cannot reach costs no comparator.
module xnorsr_saturate #(
  parameter int unsigned InBits,   // bits of x_i, signed
  parameter int unsigned OutBits,  // bits of y_o
  parameter int          Lo,       // least output code
  parameter int          Hi        // greatest output code
) (
  input  logic signed [InBits-1:0] x_i,
  output logic [OutBits-1:0]       y_o
);
  localparam int unsigned   Wide  = InBits > OutBits ? InBits : OutBits;
  localparam longint        Least = -(64'sd1 <<< (InBits - 1));
  localparam longint        Most  = (64'sd1 <<< (InBits - 1)) - 1;
  localparam logic [Wide:0] LoW   = (Wide + 1)'(Lo);
  localparam logic [Wide:0] HiW   = (Wide + 1)'(Hi);

  logic below, above;
  if (longint'(Lo) > Least) begin : gen_below
    assign below = (Wide + 1)'(x_i) < signed'(LoW);
  end else begin : gen_never_below
    assign below = 1'b0;
  end
  if (longint'(Hi) < Most) begin : gen_above
    assign above = (Wide + 1)'(x_i) > signed'(HiW);
  end else begin : gen_never_above
    assign above = 1'b0;
  end
  assign y_o = below ? OutBits'(Lo) : above ? OutBits'(Hi) : OutBits'(x_i);
endmodule
