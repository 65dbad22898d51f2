// Thresholds: code = Base + number of thresholds that a channel reaches.
//
// Formula:     y[c] = Base + #{i : s*x[c] >= Thresholds[c][i]}, s = -1 where Negate[c], else +1. With one threshold and Base 0
//              the code is one bit: a sign, 1 standing for +1.
// Packing:     Thresholds[c][i], i fastest, channel 0 in the low bits, each ThresholdBits wide, two's complement.
// Range:       Levels 1 to 255; OutBits hold Base and Base + Levels; ThresholdBits any.
// Latency:     1 cycle for Levels = 1, else 2. Interval: 1 cycle per pixel.
// Handshake:   ready_o depends on ready_i combinationally; valid_o and data_o are registers.
// Structure:   comparators against constants, then a count. All channels at once: a comparison costs less than the multiplexer
//              that would share it.
module xnorsr_threshold #(
  parameter int unsigned                              Channels,
  parameter int unsigned                              InBits,         // bits of an input channel
  parameter bit                                       InSigned,       // input is two's complement
  parameter int unsigned                              Levels,         // thresholds per channel
  parameter int unsigned                              ThresholdBits,  // bits of a threshold, signed
  parameter logic [Channels*Levels*ThresholdBits-1:0] Thresholds,
  parameter logic [Channels-1:0]                      Negate,         // compare -x
  parameter int                                       Base,           // code where none is reached
  parameter int unsigned                              OutBits         // bits of an output channel
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  input  logic [Channels*InBits-1:0]  data_i,
  input  logic                        valid_i,
  output logic                        ready_o,
  output logic [Channels*OutBits-1:0] data_o,
  output logic                        valid_o,
  input  logic                        ready_i
);
  if (Channels < 1 || InBits < 1 || Levels < 1 || Levels > 255 || ThresholdBits < 1 || OutBits < 1) begin : gen_check
    $fatal(1, "%m: Channels = %0d, InBits = %0d, ThresholdBits = %0d, OutBits = %0d must be at least 1, Levels = %0d in 1..255",
           Channels, InBits, ThresholdBits, OutBits, Levels);
  end

  localparam int unsigned XBits   = InBits + 2;  // room for the sign of an unsigned code and for -(least)
  localparam int unsigned CmpBits = XBits > ThresholdBits ? XBits : ThresholdBits;
  localparam int unsigned Stages  = Levels == 1 ? 1 : 2;

  logic [Stages-1:0] valid_q;
  logic              en;
  assign en      = ~valid_q[Stages-1] | ready_i;
  assign ready_o = en;
  assign valid_o = valid_q[Stages-1];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else if (en) valid_q <= Stages'({valid_q, valid_i});
  end

  for (genvar c = 0; c < Channels; c++) begin : gen_channel
    logic signed [XBits-1:0] code, x;
    logic [Levels-1:0]       reached, reached_q;
    logic [OutBits-1:0]      y_q;
    if (InSigned) begin : gen_signed
      assign code = XBits'(signed'(data_i[c*InBits+:InBits]));
    end else begin : gen_unsigned
      assign code = signed'(XBits'(data_i[c*InBits+:InBits]));
    end
    assign x = Negate[c] ? -code : code;
    for (genvar i = 0; i < Levels; i++) begin : gen_level
      localparam logic signed [ThresholdBits-1:0] Threshold =
          Thresholds[(c*Levels+i)*ThresholdBits+:ThresholdBits];
      assign reached[i] = CmpBits'(x) >= CmpBits'(Threshold);
    end
    if (Levels == 1) begin : gen_sign
      assign reached_q = reached;
    end else begin : gen_count
      always_ff @(posedge clk_i) begin
        if (en) reached_q <= reached;
      end
    end
    always_ff @(posedge clk_i) begin
      if (en) y_q <= OutBits'(Base) + OutBits'($countones(reached_q));
    end
    assign data_o[c*OutBits+:OutBits] = y_q;
  end
endmodule
