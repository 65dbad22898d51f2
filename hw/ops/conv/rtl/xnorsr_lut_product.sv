// Product of two narrow signed numbers in look-up tables, pipelined.
//
// Formula:     y_o + carry_o = x_i * w_i, modulo 2**OutBits; all numbers are two's complement.
// Range:       XBits, WBits >= 2; OutBits >= 1. Sign = 1: XBits = 2 and x is -1, 0 or 1.
// Latency:     Sign = 1: 1 cycle. Else 1 + ceil(log2(ceil(N/2))) cycles, N the smaller of XBits and WBits. All while en_i is 1.
//              Interval: 1.
// Handshake:   none; en_i = 0 holds all registers.
// Structure:   Sign = 1: the bits of w, inverted where x is -1; the 1 that this lacks is left as a carry for the adder behind it.
//              Else two digits of the narrower number at a time: 0, 1, 2 or 3 times the wider one (the highest digit counts
//              negative), then an adder tree. One LUT level or two and a carry chain between registers.
module xnorsr_lut_product #(
  parameter int unsigned XBits,
  parameter int unsigned WBits,
  parameter int unsigned OutBits,
  parameter bit          Sign
) (
  input  logic               clk_i,
  input  logic               en_i,
  input  logic [XBits-1:0]   x_i,
  input  logic [WBits-1:0]   w_i,
  output logic [OutBits-1:0] y_o,
  output logic               carry_o
);
  if (Sign) begin : gen_sign
    logic [WBits-1:0] value_q;
    logic             carry_q;
    always_ff @(posedge clk_i) begin
      if (en_i) value_q <= x_i[0] ? w_i ^ {WBits{x_i[1]}} : '0;
    end
    always_ff @(posedge clk_i) begin
      if (en_i) carry_q <= x_i[1] & x_i[0];
    end
    assign y_o     = OutBits'(signed'(value_q));
    assign carry_o = carry_q;
  end else begin : gen_digits
    localparam int unsigned Wide   = XBits < WBits ? WBits : XBits;
    localparam int unsigned Narrow = XBits < WBits ? XBits : WBits;
    localparam int unsigned Pairs  = (Narrow + 1) / 2;
    logic [Wide-1:0]   wide;
    logic [Narrow-1:0] narrow;
    assign wide   = Wide'(XBits < WBits ? w_i : x_i);
    assign narrow = Narrow'(XBits < WBits ? x_i : w_i);
    logic [Pairs-1:0][OutBits-1:0] part;
    for (genvar t = 0; t < Pairs; t++) begin : gen_pair
      logic [OutBits-1:0] once, twice, low, high, part_q;
      assign once    = OutBits'(signed'(wide)) << (2 * t);
      assign twice   = once << 1;
      assign low     = narrow[2*t] ? once : '0;
      assign part[t] = part_q;
      if (2 * t + 1 < Narrow) begin : gen_two
        assign high = narrow[2*t+1] ? twice : '0;
        always_ff @(posedge clk_i) begin
          if (en_i) part_q <= 2 * t + 2 == Narrow ? low - high : low + high;
        end
      end else begin : gen_one
        assign high = '0;
        always_ff @(posedge clk_i) begin
          if (en_i) part_q <= high - low;
        end
        logic unused_ok;
        assign unused_ok = &{1'b0, twice};
      end
    end
    xnorsr_adder_tree #(.Inputs(Pairs), .InBits(OutBits), .OutBits(OutBits), .Carries(1'b0)) u_sum (
      .clk_i, .en_i, .x_i(part), .carry_i('0), .y_o, .carry_o
    );
  end
endmodule
