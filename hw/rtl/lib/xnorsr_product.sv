// Product with the registers that a DSP slice has behind its multiplier.
//
// Formula:     y_o = a_i * b_i, exact.
// Range:       ABits, BBits >= 1; both operands two's complement with Signed = 1, else both without a sign.
// Latency:     2 cycles while en_i is 1: the multiplier's register and the adder's. The registers in front of it are the
//              caller's. Interval: 1.
// Handshake:   none; en_i = 0 holds all registers.
// Structure:   one multiplication. Where both operands are wider than a slice's narrow port, the second one is cut there
//              and the parts are added behind the multipliers' registers.
module xnorsr_product #(
  parameter int unsigned ABits,
  parameter int unsigned BBits,
  parameter bit          Signed
) (
  input  logic                   clk_i,
  input  logic                   en_i,
  input  logic [ABits-1:0]       a_i,
  input  logic [BBits-1:0]       b_i,
  output logic [ABits+BBits-1:0] y_o
);
  if (ABits < 1 || BBits < 1) begin : gen_check
    $fatal(1, "%m: ABits = %0d, BBits = %0d, each must be at least 1", ABits, BBits);
  end

  localparam int unsigned Narrow = 17;  // bits without sign of a slice's narrow port
  localparam int unsigned Bits   = ABits + BBits;
  localparam int unsigned AExt   = Signed ? 0 : 1;  // operands as signed numbers
  logic signed [ABits+AExt-1:0] a;
  logic signed [BBits+AExt-1:0] b;
  if (Signed) begin : gen_signed
    assign a = signed'(a_i);
    assign b = signed'(b_i);
  end else begin : gen_unsigned
    assign a = signed'({1'b0, a_i});
    assign b = signed'({1'b0, b_i});
  end

  if (ABits + AExt <= Narrow + 1 || BBits + AExt <= Narrow + 1) begin : gen_one
    logic signed [Bits-1:0] multiplied_q, product_q;
    always_ff @(posedge clk_i) begin
      if (en_i) begin
        multiplied_q <= Bits'(a) * Bits'(b);
        product_q    <= multiplied_q;
      end
    end
    assign y_o = product_q;
  end else begin : gen_two
    logic signed [Narrow:0] low;
    logic signed [Bits-1:0] low_q, high_q, product_q;
    assign low = signed'({1'b0, b[Narrow-1:0]});
    always_ff @(posedge clk_i) begin
      if (en_i) begin
        low_q     <= Bits'(a) * Bits'(low);
        high_q    <= Bits'(a) * Bits'(b >>> Narrow);
        product_q <= low_q + (high_q <<< Narrow);
      end
    end
    assign y_o = product_q;
  end
endmodule
