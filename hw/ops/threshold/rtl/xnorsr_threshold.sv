// Thresholds: code = Base + number of thresholds that a channel reaches.
//
// Formula:     y[c] = Base + #{i : s*x[c] >= Thresholds[c][i]}, s = -1 where Negate[c], else +1. With one threshold and Base 0
//              the code is one bit: a sign, 1 standing for +1.
// Packing:     Thresholds[c][i], i fastest, channel 0 in the low bits, each ThresholdBits wide, two's complement.
//              Thresholds of a channel ascend.
// Range:       Levels 1 to 255; OutBits hold Base and Base + Levels; ThresholdBits any; LogicLevels >= 1.
// Latency:     1 cycle for Levels = 1, else 1 + ceil(clog2(Levels + 1) / LogicLevels). Interval: 1 cycle per pixel.
// Handshake:   ready_o depends on ready_i combinationally; valid_o and data_o are registers.
// Structure:   comparators against constants, then a count. All channels at once: a comparison costs less than the multiplexer
//              that would share it. -x >= t is x <= -t, so nothing is negated. The thresholds ascend, so those reached
//              are the first ones: the middle one is the count's highest bit and says which half the next bit stands
//              in. Halving takes a look-up table a bit, the base an adder: LogicLevels bits a register.
module xnorsr_threshold #(
  parameter int unsigned                              Channels,
  parameter int unsigned                              InBits,         // bits of an input channel
  parameter bit                                       InSigned,       // input is two's complement
  parameter int unsigned                              Levels,         // thresholds per channel
  parameter int unsigned                              ThresholdBits,  // bits of a threshold, signed
  parameter logic [Channels*Levels*ThresholdBits-1:0] Thresholds,
  parameter logic [Channels-1:0]                      Negate,         // compare -x
  parameter int                                       Base,           // code where none is reached
  parameter int unsigned                              OutBits,        // bits of an output channel
  parameter int unsigned                              LogicLevels     // look-up tables between registers
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

  localparam int unsigned XBits     = InBits + 1;  // room for the sign of an unsigned code
  localparam int unsigned CmpBits   = (XBits > ThresholdBits ? XBits : ThresholdBits) + 1;  // and for -(least)
  localparam int unsigned CountBits = $clog2(Levels + 1);
  localparam int unsigned Steps     = Levels == 1 ? 0 : (CountBits + LogicLevels - 1) / LogicLevels;  // registers
  localparam int unsigned Stages    = 1 + Steps;
  localparam int unsigned Full      = (1 << CountBits) - 1;

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
    logic signed [XBits-1:0] x;
    logic [Full-1:0]         reached_q;  // levels that are not there are never reached
    if (InSigned) begin : gen_signed
      assign x = XBits'(signed'(data_i[c*InBits+:InBits]));
    end else begin : gen_unsigned
      assign x = signed'(XBits'(data_i[c*InBits+:InBits]));
    end
    for (genvar i = 0; i < Full; i++) begin : gen_level
      if (i < Levels) begin : gen_compare
        localparam logic signed [ThresholdBits-1:0] Threshold =
            Thresholds[(c*Levels+i)*ThresholdBits+:ThresholdBits];
        localparam logic signed [CmpBits-1:0] Bound = Negate[c] ? -CmpBits'(Threshold) : CmpBits'(Threshold);
        logic reached;
        assign reached = Negate[c] ? CmpBits'(x) <= Bound : CmpBits'(x) >= Bound;
        always_ff @(posedge clk_i) begin
          if (en) reached_q[i] <= reached;
        end
      end else begin : gen_none
        assign reached_q[i] = 1'b0;
      end
    end

    if (Steps == 0) begin : gen_sign
      assign data_o[c*OutBits+:OutBits] = OutBits'(Base) + OutBits'(reached_q);
    end else begin : gen_count
      // Stage s finds LogicLevels bits of the count, highest first, out of the thresholds that are left
      logic [Steps-1:0][CountBits-1:0] count_d, count_q;
      logic [Steps-1:0][Full-1:0]      left_d, left_q;
      for (genvar s = 0; s < Steps; s++) begin : gen_stage
        always_comb begin
          count_d[s] = s == 0 ? '0 : count_q[s == 0 ? 0 : s-1];
          left_d[s]  = s == 0 ? reached_q : left_q[s == 0 ? 0 : s-1];
          for (int unsigned n = 0; n < LogicLevels; n++) begin
            if (s * LogicLevels + n < CountBits) begin
              automatic int unsigned bit_number = CountBits - 1 - s * LogicLevels - n;
              count_d[s][bit_number] = left_d[s][(1 << bit_number) - 1];
              if (left_d[s][(1 << bit_number) - 1]) left_d[s] = left_d[s] >> (1 << bit_number);
            end
          end
        end
        always_ff @(posedge clk_i) begin
          if (en) left_q[s] <= left_d[s];
        end
        if (s < Steps - 1) begin : gen_part
          always_ff @(posedge clk_i) begin
            if (en) count_q[s] <= count_d[s];
          end
        end else begin : gen_last
          logic [OutBits-1:0] y_q;
          always_ff @(posedge clk_i) begin
            if (en) y_q <= OutBits'(Base) + OutBits'(count_d[s]);
          end
          assign data_o[c*OutBits+:OutBits] = y_q;
          assign count_q[s] = count_d[s];
          logic unused_ok;
          assign unused_ok = &{1'b0, left_q[s], count_q[s]};
        end
      end
    end
  end
endmodule
