// Memory with one port to write and one to read.
//
// Formula:     data_o is the word at read_addr_i, as it stood when read_i was 1.
// Range:       Bits, Words >= 1; Style 0 to 2. A word may not be read in the cycle in which it is written.
// Latency:     1 cycle from address to data. Interval: 1.
// Handshake:   none; data_o holds while read_i is 0.
// Structure:   Style says what it is made of: look-up tables, block RAM or UltraRAM, by the rule of hw/resources/memories.py.
//              ram_style tells Vivado and Yosys alike. A register behind block RAM or UltraRAM, with nothing between,
//              goes into it: the caller has one. Yosys maps UltraRAM for UltraScale+ alone; XNORSR_NO_ULTRA makes block
//              RAM of it for other families.
module xnorsr_ram #(
  parameter int unsigned Bits,   // bits of a word
  parameter int unsigned Words,
  parameter int unsigned Style,  // 0 look-up tables, 1 block RAM, 2 UltraRAM
  localparam int unsigned AddrBits = Words > 1 ? $clog2(Words) : 1
) (
  input  logic                clk_i,
  input  logic                write_i,
  input  logic [AddrBits-1:0] write_addr_i,
  input  logic [Bits-1:0]     data_i,
  input  logic                read_i,
  input  logic [AddrBits-1:0] read_addr_i,
  output logic [Bits-1:0]     data_o
);
  if (Bits < 1 || Words < 1 || Style > 2) begin : gen_check
    $fatal(1, "%m: Bits = %0d, Words = %0d, each must be at least 1, Style = %0d in 0..2", Bits, Words, Style);
  end
`ifdef XNORSR_NO_ULTRA
  localparam bit Ultra = 1'b0;
`else
  localparam bit Ultra = Style == 2;
`endif

  logic [Bits-1:0] read_q;
  assign data_o = read_q;
  if (Style == 0) begin : gen_luts
    (* ram_style = "distributed" *) logic [Bits-1:0] mem [Words];
    always_ff @(posedge clk_i) begin
      if (write_i) mem[write_addr_i] <= data_i;
    end
    always_ff @(posedge clk_i) begin
      if (read_i) read_q <= mem[read_addr_i];
    end
  end else if (!Ultra) begin : gen_block
    (* ram_style = "block" *) logic [Bits-1:0] mem [Words];
    always_ff @(posedge clk_i) begin
      if (write_i) mem[write_addr_i] <= data_i;
    end
    always_ff @(posedge clk_i) begin
      if (read_i) read_q <= mem[read_addr_i];
    end
  end else begin : gen_ultra
    (* ram_style = "ultra" *) logic [Bits-1:0] mem [Words];
    always_ff @(posedge clk_i) begin
      if (write_i) mem[write_addr_i] <= data_i;
    end
    always_ff @(posedge clk_i) begin
      if (read_i) read_q <= mem[read_addr_i];
    end
  end
endmodule
