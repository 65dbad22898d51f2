// FIFO of any depth.
//
// Formula:     beats leave in the order in which they came; at most Depth are inside.
// Range:       Bits >= 1, Depth >= 1; Style 0 to 2, above 0 only with Depth >= 5.
// Latency:     1 cycle when empty with a Depth of 1 or 2, else 2 with Style 0, 3 with block RAM and UltraRAM.
// Interval:    1 cycle per beat for Depth >= 2, 2 cycles for Depth = 1.
// Handshake:   valid_o, data_o and ready_o are registers: no path from an input to an output.
// Structure:   Depth 1 is a register, 2 a register slice. Else a memory and the registers behind it: its own, which is the
//              output with Style 0, and an output register behind block RAM and UltraRAM, which goes into them. That there is
//              room, a word, and that both registers behind the memory are taken, are registers too, told by what the level
//              will be: at most two LUTs stand between ready_i and any register, none behind that of ready_o.
// Simulation:  max_occupancy_q holds the most beats that were inside since reset.
module xnorsr_fifo #(
  parameter int unsigned Bits,      // bits of a beat
  parameter int unsigned Depth,     // beats it holds
  parameter int unsigned Style = 0  // of the memory, see xnorsr_ram
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
  if (Style > 2 || (Style > 0 && Depth < 5)) begin : gen_check_style
    $fatal(1, "%m: Style = %0d must be 0 to 2, above 0 only with Depth = %0d at least 5", Style, Depth);
  end

  if (Depth == 1) begin : gen_register
    logic [Bits-1:0] data_q;
    logic            valid_q, ready_q;  // each the complement of the other: neither has the pins of both sides
    assign ready_o = ready_q;
    assign valid_o = valid_q;
    assign data_o  = data_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        valid_q <= 1'b0;
        ready_q <= 1'b1;
      end else begin
        valid_q <= valid_q ? ~ready_i : valid_i;
        ready_q <= valid_q ? ready_i : ~valid_i;
      end
    end
    always_ff @(posedge clk_i) begin
      if (!valid_q) data_q <= data_i;
    end
  end else if (Depth == 2) begin : gen_slice
    xnorsr_skid #(.Bits(Bits)) u_slice (
      .clk_i, .rst_ni, .data_i, .valid_i, .ready_o, .data_o, .valid_o, .ready_i
    );
  end else begin : gen_ram
    localparam int unsigned Words     = Depth - (Style == 0 ? 1 : 2);
    localparam int unsigned AddrBits  = $clog2(Words);
    localparam int unsigned LevelBits = $clog2(Words + 1);

    // Level of the memory
    logic                 push, read, stored_q, room_q;
    logic [LevelBits-1:0] level_q;
    assign push    = valid_i & room_q;
    assign ready_o = room_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        level_q  <= '0;
        stored_q <= 1'b0;
        room_q   <= 1'b1;
      end else if (push != read) begin
        level_q  <= level_q + {{(LevelBits - 1){read}}, 1'b1};
        stored_q <= push || level_q != LevelBits'(1);
        room_q   <= !push || level_q != LevelBits'(Words - 1);
      end
    end

    logic [AddrBits-1:0] write_addr_q, read_addr_q;
    function automatic logic [AddrBits-1:0] next(logic [AddrBits-1:0] addr);
      return (addr == AddrBits'(Words - 1)) ? '0 : addr + 1'b1;
    endfunction
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        write_addr_q <= '0;
        read_addr_q  <= '0;
      end else begin
        if (push) write_addr_q <= next(write_addr_q);
        if (read) read_addr_q  <= next(read_addr_q);
      end
    end

    // A word is read in a later cycle than it is written in, so the two addresses differ.
    logic [Bits-1:0] word;
    logic            word_valid_q, held_q, move;  // held_q: what stands behind the memory moves only with ready_i
    xnorsr_ram #(.Bits(Bits), .Words(Words), .Style(Style)) u_ram (
      .clk_i, .write_i(push), .write_addr_i(write_addr_q), .data_i,
      .read_i(read), .read_addr_i(read_addr_q), .data_o(word)
    );
    assign move = ~held_q | ready_i;
    assign read = stored_q & move;
    always_ff @(posedge clk_i) begin
      if (!rst_ni)   word_valid_q <= 1'b0;
      else if (move) word_valid_q <= stored_q;
    end
    if (Style == 0) begin : gen_at_once
      assign held_q  = word_valid_q;
      assign valid_o = word_valid_q;
      assign data_o  = word;
    end else begin : gen_output
      logic [Bits-1:0] data_q;
      logic            valid_q, both_q, load;
      assign held_q  = both_q;  // the word's register and this one
      assign load    = ~valid_q | ready_i;
      assign valid_o = valid_q;
      assign data_o  = data_q;
      always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
          valid_q <= 1'b0;
          both_q  <= 1'b0;
        end else begin
          if (load) valid_q <= word_valid_q;
          if (move) both_q  <= stored_q & (word_valid_q | ~load);
        end
      end
      always_ff @(posedge clk_i) begin
        if (load) data_q <= word;
      end
    end
  end

`ifndef SYNTHESIS
  logic [31:0] count_q, count_d, max_occupancy_q /* verilator public_flat_rd */;
  assign count_d = count_q + 32'(valid_i & ready_o) - 32'(valid_o & ready_i);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q         <= '0;
      max_occupancy_q <= '0;
    end else begin
      count_q <= count_d;
      if (count_d > max_occupancy_q) max_occupancy_q <= count_d;
    end
  end
`endif
endmodule
