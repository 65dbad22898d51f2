// One input of a concatenation on the common grid: sign extended and shifted.
//
// Formula:     data_o[c] = data_i[c] << Shift, two's complement.
// Range:       Channels, InBits, OutBits >= 1, Shift 0 to 38; OutBits hold every value.
// Latency:     0 cycles: wires.
module xnorsr_concat_part #(
  parameter int unsigned Channels,
  parameter int unsigned InBits,    // bits of an input channel
  parameter bit          InSigned,  // input is two's complement
  parameter int unsigned Shift,
  parameter int unsigned OutBits    // bits of an output channel
) (
  input  logic [Channels*InBits-1:0]  data_i,
  output logic [Channels*OutBits-1:0] data_o
);
  if (Channels < 1 || InBits < 1 || OutBits < InBits + Shift || Shift > 38) begin : gen_check
    $fatal(1, "%m: Channels = %0d, InBits = %0d must be at least 1, OutBits = %0d at least InBits + Shift, Shift = %0d at most 38",
           Channels, InBits, OutBits, Shift);
  end

  for (genvar c = 0; c < Channels; c++) begin : gen_channel
    logic [OutBits-1:0] x;
    if (InSigned) begin : gen_signed
      assign x = OutBits'(signed'(data_i[c*InBits+:InBits]));
    end else begin : gen_unsigned
      assign x = OutBits'(data_i[c*InBits+:InBits]);
    end
    assign data_o[c*OutBits+:OutBits] = x << Shift;
  end
endmodule
