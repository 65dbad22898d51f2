// A function of one code, as a table.
//
// Formula:     y[c] = Codes[Tables > 1 ? c : 0][x[c]], x[c] the bits of a channel as an unsigned number.
// Packing:     Codes[table][word], word fastest, table 0 and word 0 in the low bits.
// Range:       Pe divides Channels; Tables 1 or Channels; InBits 1 to 12, OutBits >= 1.
// Latency:     2 cycles for Pe = Channels, else 2 + 1 + Channels/Pe. Interval: Channels/Pe cycles per pixel.
// Handshake:   xnorsr_shell's; valid_o and data_o are registers.
// Structure:   a read-only memory for each of Pe lanes in xnorsr_shell, with the register of a block RAM's word and one behind it.
//              With fewer lanes than channels a lane's memory holds the tables of the channels that it serves.
module xnorsr_table #(
  parameter int unsigned                               Channels,
  parameter int unsigned                               Pe,       // channels per cycle
  parameter int unsigned                               InBits,   // bits of an input channel
  parameter int unsigned                               Tables,   // 1, or one for each channel
  parameter int unsigned                               OutBits,  // bits of an output channel
  parameter logic [Tables*(2**InBits)*OutBits-1:0]     Codes
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
  if (Pe < 1 || Channels % Pe != 0) begin : gen_check_pe
    $fatal(1, "%m: Pe = %0d must divide Channels = %0d", Pe, Channels);
  end
  if (InBits < 1 || InBits > 12 || OutBits < 1 || (Tables != 1 && Tables != Channels)) begin : gen_check
    $fatal(1, "%m: InBits = %0d must be 1 to 12, OutBits = %0d at least 1, Tables = %0d 1 or Channels = %0d",
           InBits, OutBits, Tables, Channels);
  end

  localparam int unsigned Folds    = Channels / Pe;
  localparam int unsigned FoldBits = Folds > 1 ? $clog2(Folds) : 1;
  localparam int unsigned Sets     = Tables > 1 ? Folds : 1;  // tables in a lane's memory
  localparam int unsigned Words    = 2 ** InBits;
  localparam int unsigned AddrBits = $clog2(Sets * Words);

  logic [Pe*InBits-1:0]  part;
  logic [Pe*OutBits-1:0] result;
  logic [FoldBits-1:0]   fold;
  logic [Pe-1:0]         en;
  logic [AddrBits-1:0]   first;  // word of the part's table
  xnorsr_shell #(.Channels(Channels), .Pe(Pe), .InBits(InBits), .OutBits(OutBits), .Stages(2)) u_shell (
    .clk_i, .rst_ni, .data_i, .valid_i, .ready_o, .part_o(part), .fold_o(fold), .en_o(en), .result_i(result),
    .data_o, .valid_o, .ready_i
  );

  for (genvar p = 0; p < Pe; p++) begin : gen_lane
    logic [OutBits-1:0] rom [Sets*Words];
    logic [OutBits-1:0] word_q, y_q;
    initial begin
      for (int unsigned s = 0; s < Sets; s++) begin
        for (int unsigned w = 0; w < Words; w++) begin
          rom[s*Words+w] = Codes[((Tables > 1 ? s * Pe + p : 0)*Words+w)*OutBits+:OutBits];
        end
      end
    end
    always_ff @(posedge clk_i) begin
      if (en[p]) begin
        word_q <= rom[first | AddrBits'(part[p*InBits+:InBits])];
        y_q    <= word_q;
      end
    end
    assign result[p*OutBits+:OutBits] = y_q;
  end

  if (Sets == 1) begin : gen_one_table
    assign first = '0;
    logic unused_ok;
    assign unused_ok = &{1'b0, fold};
  end else begin : gen_tables
    assign first = {fold, InBits'(0)};
  end
endmodule
