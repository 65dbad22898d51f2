// FIFO of any depth.
//
// Formula:     beats leave in the order in which they came; at most Depth are inside.
// Range:       Bits >= 1, Depth >= 1.
// Latency:     1 cycle when empty. Interval: 1 cycle per beat for Depth >= 2, 2 cycles for Depth = 1.
// Handshake:   valid_o and ready_o are registers: no path from an input to an output, so a FIFO of depth 2 is a register
//              slice. data_o is a register behind a 2:1 multiplexer.
// Structure:   an output register in front of a RAM of Depth - 1 words. A beat that finds the RAM empty and the output free goes
//              straight to the output; otherwise the RAM's own read register, read in the cycle of the pop, is the output. So
//              block RAM is inferred, with no extra cycle.
// Simulation:  max_occupancy_q holds the most beats that were inside since reset.
module xnorsr_fifo #(
  parameter int unsigned Bits,  // bits of a beat
  parameter int unsigned Depth  // beats it holds
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic [Bits-1:0] data_i,
  input  logic            valid_i,
  output logic            ready_o,
  output logic [Bits-1:0] data_o,
  output logic            valid_o,
  input  logic            ready_i
);
  if (Bits < 1 || Depth < 1) begin : gen_check
    $fatal(1, "%m: Bits = %0d, Depth = %0d, each must be at least 1", Bits, Depth);
  end

  localparam int unsigned CountBits = $clog2(Depth + 1);

  logic                 push, pop;
  logic [CountBits-1:0] count_q, count_d;
  logic                 valid_q, full_q;
  assign push    = valid_i & ready_o;
  assign pop     = valid_q & ready_i;
  assign ready_o = ~full_q;
  assign valid_o = valid_q;
  assign count_d = count_q + CountBits'(push) - CountBits'(pop);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q <= '0;
      valid_q <= 1'b0;
      full_q  <= 1'b0;
    end else begin
      count_q <= count_d;
      valid_q <= count_d != '0;
      full_q  <= count_d == CountBits'(Depth);
    end
  end

  logic [Bits-1:0] direct_q;  // what went past the RAM
  if (Depth == 1) begin : gen_register
    always_ff @(posedge clk_i) begin
      if (push) direct_q <= data_i;
    end
    assign data_o = direct_q;
  end else begin : gen_ram
    localparam int unsigned Words    = Depth - 1;
    localparam int unsigned AddrBits = Words > 1 ? $clog2(Words) : 1;

    logic [Bits-1:0]     mem [Words];
    logic [Bits-1:0]     read_q;
    logic [AddrBits-1:0] write_addr_q, read_addr_q;
    logic                from_ram_q, stored, free, to_ram, read;
    assign stored = count_q > CountBits'(1);  // the RAM holds a beat; then the output does too
    assign free   = pop | ~valid_q;
    assign read   = pop & stored;
    assign to_ram = push & (stored | ~free);

    function automatic logic [AddrBits-1:0] next(logic [AddrBits-1:0] addr);
      return (addr == AddrBits'(Words - 1)) ? '0 : addr + 1'b1;
    endfunction

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        write_addr_q <= '0;
        read_addr_q  <= '0;
        from_ram_q   <= 1'b0;
      end else begin
        if (to_ram) write_addr_q <= next(write_addr_q);
        if (read)   read_addr_q  <= next(read_addr_q);
        if (free)   from_ram_q   <= read;
      end
    end
    always_ff @(posedge clk_i) begin
      if (to_ram) mem[write_addr_q] <= data_i;
    end
    always_ff @(posedge clk_i) begin
      if (read) read_q <= mem[read_addr_q];
    end
    always_ff @(posedge clk_i) begin
      if (free) direct_q <= data_i;
    end
    assign data_o = from_ram_q ? read_q : direct_q;
  end

`ifndef SYNTHESIS
  logic [31:0] max_occupancy_q /* verilator public_flat_rd */;
  always_ff @(posedge clk_i) begin
    if (!rst_ni)                            max_occupancy_q <= '0;
    else if (32'(count_d) > max_occupancy_q) max_occupancy_q <= 32'(count_d);
  end
`endif
endmodule
