// Saturation to a range of codes.
//
// Formula:     y_o = min(max(x_i, Lo), Hi), as OutBits bits.
// Range:       InBits, OutBits >= 1; Lo <= Hi, both fit OutBits; LogicLevels >= 2.
// Latency:     1 cycle, for LogicLevels = 2 2 cycles, while en_i is 1. Interval: 1.
// Handshake:   none; en_i = 0 holds all registers. Part of a pipeline that keeps its own valid bits.
// Structure:   a bound that x_i cannot reach costs no comparator; the bounds of a whole number of bits are told by the bits
//              above them, others by a carry chain. A multiplexer chooses. For LogicLevels = 2 registers stand between the two.
module xnorsr_saturate #(
  parameter int unsigned InBits,      // bits of x_i, signed
  parameter int unsigned OutBits,     // bits of y_o
  parameter int          Lo,          // least output code
  parameter int          Hi,          // greatest output code
  parameter int unsigned LogicLevels  // look-up tables between registers
) (
  input  logic                     clk_i,
  input  logic                     en_i,
  input  logic signed [InBits-1:0] x_i,
  output logic [OutBits-1:0]       y_o
);
  localparam int unsigned   Wide  = InBits > OutBits ? InBits : OutBits;
  localparam longint        Least = -(64'sd1 <<< (InBits - 1));
  localparam longint        Most  = (64'sd1 <<< (InBits - 1)) - 1;
  localparam logic [Wide:0] LoW   = (Wide + 1)'(Lo);
  localparam logic [Wide:0] HiW   = (Wide + 1)'(Hi);
  // Hi = 2**HiBits - 1, and then Lo = 0 or Lo = -2**HiBits: bits from HiBits on tell
  localparam int unsigned   HiBits = Hi <= 0 ? 0 : $clog2(Hi + 1);
  localparam bit            Whole  = longint'(Hi) == (64'sd1 <<< HiBits) - 1 && HiBits + 1 < InBits
                                     && (Lo == 0 || longint'(Lo) == -(64'sd1 <<< HiBits));

  logic below, above;
  if (Whole) begin : gen_whole
    logic [InBits-2-HiBits:0] high;
    assign high  = x_i[InBits-2:HiBits];
    assign below = x_i[InBits-1] & (Lo == 0 || !(&high));
    assign above = ~x_i[InBits-1] & (|high);
  end else begin : gen_compare
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
  end

  logic [OutBits-1:0] code;
  logic               is_below, is_above;
  if (LogicLevels > 2) begin : gen_at_once
    assign {code, is_below, is_above} = {OutBits'(x_i), below, above};
  end else begin : gen_registers
    always_ff @(posedge clk_i) begin
      if (en_i) {code, is_below, is_above} <= {OutBits'(x_i), below, above};
    end
  end
  always_ff @(posedge clk_i) begin
    if (en_i) y_o <= is_below ? OutBits'(Lo) : is_above ? OutBits'(Hi) : code;
  end
endmodule
