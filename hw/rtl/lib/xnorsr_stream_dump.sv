// Stream dump, simulation only: writes every beat that passes a stream to a file.
//
// Formula:     a line of hexadecimal digits for each cycle in which valid_i, ready_i and rst_ni are 1.
// Range:       Bits >= 1. The file is +xnorsr_trace=FOLDER with /Name.hex; without the plusarg nothing is written.
// Latency, interval: none; the module only listens.
module xnorsr_stream_dump #(
  parameter int unsigned Bits,  // bits of a beat
  parameter              Name   // the stream's name, a string
) (
  input logic            clk_i,
  input logic            rst_ni,
  input logic [Bits-1:0] data_i,
  input logic            valid_i,
  input logic            ready_i
);
`ifdef SYNTHESIS
  logic unused_ok;
  assign unused_ok = &{1'b0, clk_i, rst_ni, data_i, valid_i, ready_i};
`else
  string folder;
  int    file = 0;

  initial begin
    if ($value$plusargs("xnorsr_trace=%s", folder)) begin
      file = $fopen({folder, "/", Name, ".hex"}, "w");
      if (file == 0) $fatal(1, "%m: cannot write %s/%s.hex", folder, Name);
    end
  end

  always_ff @(posedge clk_i) begin
    if (file != 0 && rst_ni && valid_i && ready_i) $fdisplay(file, "%h", data_i);
  end

  final if (file != 0) $fclose(file);
`endif
endmodule
