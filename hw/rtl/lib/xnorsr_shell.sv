// Shell of a pipeline that works on a pixel part by part: cuts the pixel, stops the pipeline, joins its results.
//
// Formula:     with F = Channels/Pe, part_o is channels fold_o*Pe .. fold_o*Pe + Pe - 1 of a pixel, fold_o = 0 .. F - 1; result_i
//              is the pipeline's answer to the part_o of Stages cycles before, counted where en_o = 1; data_o is the
//              results of all parts of a pixel, channel 0 in the low bits.
// Range:       Pe divides Channels; InBits, OutBits, Stages >= 1.
// Latency:     Stages cycles for F = 1, else Stages + 1 + F. Interval: F cycles per pixel.
// Handshake:   F = 1: ready_o depends on ready_i combinationally, and en_o = ready_o. F > 1: en_o are registers and ready_o follows
//              from registers alone, so no path runs from one side to the other. valid_o, data_o are registers if result_i is.
// Structure:   a width converter at each end, valid bits, a counter of parts. The pipeline's registers take en_o as their clock
//              enable, which costs no look-up table; it falls when a pixel waits at the output and all other parts of the next
//              one are there. Credits and a memory for the results in its place would take two look-up tables for every
//              three bits of Pe*OutBits.
module xnorsr_shell #(
  parameter int unsigned Channels,
  parameter int unsigned Pe,        // channels of a part
  parameter int unsigned InBits,    // bits of an input channel
  parameter int unsigned OutBits,   // bits of an output channel
  parameter int unsigned Stages,    // registers of the pipeline
  localparam int unsigned FoldBits = Channels > Pe ? $clog2(Channels / Pe) : 1
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  input  logic [Channels*InBits-1:0]  data_i,
  input  logic                        valid_i,
  output logic                        ready_o,
  output logic [Pe*InBits-1:0]        part_o,
  output logic [FoldBits-1:0]         fold_o,
  output logic [Pe-1:0]               en_o,       // of each channel of a part, all equal
  input  logic [Pe*OutBits-1:0]       result_i,
  output logic [Channels*OutBits-1:0] data_o,
  output logic                        valid_o,
  input  logic                        ready_i
);
  if (Pe < 1 || Channels % Pe != 0) begin : gen_check_pe
    $fatal(1, "%m: Pe = %0d must divide Channels = %0d", Pe, Channels);
  end
  if (InBits < 1 || OutBits < 1 || Stages < 1) begin : gen_check
    $fatal(1, "%m: InBits = %0d, OutBits = %0d, Stages = %0d, each must be at least 1", InBits, OutBits, Stages);
  end

  localparam int unsigned Folds = Channels / Pe;

  logic [Stages-1:0] valid_q;
  logic              part_valid, en;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else if (en) valid_q <= Stages'({valid_q, part_valid});
  end

  if (Folds == 1) begin : gen_parallel
    assign part_o     = data_i;
    assign part_valid = valid_i;
    assign fold_o     = '0;
    assign en         = ~valid_q[Stages-1] | ready_i;
    assign en_o       = {Pe{en}};
    assign ready_o    = en;
    assign data_o     = result_i;
    assign valid_o    = valid_q[Stages-1];
  end else begin : gen_folded
    logic [FoldBits-1:0] fold_q;
    assign fold_o = fold_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni)               fold_q <= '0;
      else if (part_valid && en) fold_q <= fold_q == FoldBits'(Folds - 1) ? '0 : fold_q + 1'b1;
    end

    xnorsr_gearbox #(.InChannels(Channels), .OutChannels(Pe), .Bits(InBits)) u_cut (
      .clk_i, .rst_ni, .data_i, .valid_i, .ready_o,
      .data_o(part_o), .valid_o(part_valid), .ready_i(en)
    );
    // Whether it takes a part stands in registers: the enable, one copy of which is the shell's own
    logic next;
    xnorsr_collect #(.Parts(Folds), .PartBits(Pe * OutBits), .Copies(Pe + 1)) u_join (
      .clk_i, .rst_ni, .part_i(result_i), .valid_i(valid_q[Stages-1]), .ready_o({en_o, en}), .next_o(next),
      .data_o, .valid_o, .ready_i
    );
    logic unused_ok;
    assign unused_ok = &{1'b0, next};
  end
endmodule
