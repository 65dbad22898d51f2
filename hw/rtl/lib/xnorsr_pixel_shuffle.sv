// Pixel shuffle (depth to space) by Factor: each line becomes Factor lines that are Factor times as long.
//
// Formula:     output pixel (y*r + i, x*r + j), channel c, is input pixel (y, x), channel c*r*r + i*r + j (CRD, as PyTorch),
//              or (i*r + j)*Channels + c (DCR), r = Factor.
// Packing:     an output beat is PixelsPerBeat neighbouring pixels, the left one in the low bits.
// Range:       Width, Channels, Bits >= 1, Factor >= 2. PixelsPerBeat divides Factor, or is a multiple m*Factor where m
//              divides Width. Any frame height: a line depends on no other.
// Latency:     3 cycles from the last pixel of a line to the first beat of its output.
// Interval:    r*r*Width/PixelsPerBeat cycles a line, but at least Width, without a gap in or between output lines: a pixel
//              a cycle with PixelsPerBeat = r*r. A line is taken at 1 cycle a pixel while the line before it is sent.
// Handshake:   ready_o, valid_o and data_o are registers; no path from an input to an output.
// Structure:   two line buffers of Width words in one RAM, one filled while the other is sent r times over, so that the input
//              waits only where the output rate asks for it. For more than r pixels a beat the RAM is split into m lanes that
//              take neighbouring words. A buffer is free again when its last word has been read, so the exchange
//              costs no cycle. RAM register, row selection and a shift register follow each other, one cycle each.
module xnorsr_pixel_shuffle #(
  parameter int unsigned Width,             // pixels of an input line
  parameter int unsigned Channels,          // channels of an output pixel
  parameter int unsigned Bits,              // bits of a channel
  parameter int unsigned Factor,            // r
  parameter bit          Dcr,               // order of the input channels: 0 CRD, 1 DCR
  parameter int unsigned PixelsPerBeat = 1  // pixels of an output beat
) (
  input  logic                                   clk_i,
  input  logic                                   rst_ni,
  input  logic [Factor*Factor*Channels*Bits-1:0] data_i,
  input  logic                                   valid_i,
  output logic                                   ready_o,
  output logic [PixelsPerBeat*Channels*Bits-1:0] data_o,
  output logic                                   valid_o,
  input  logic                                   ready_i
);
  localparam int unsigned Lanes = PixelsPerBeat > Factor ? PixelsPerBeat / Factor : 1;  // words of a RAM access
  localparam int unsigned Parts = PixelsPerBeat < Factor ? Factor / PixelsPerBeat : 1;  // beats of a RAM access

  if (Width < 1 || Channels < 1 || Bits < 1 || PixelsPerBeat < 1) begin : gen_check_size
    $fatal(1, "%m: Width = %0d, Channels = %0d, Bits = %0d, PixelsPerBeat = %0d, each must be at least 1",
           Width, Channels, Bits, PixelsPerBeat);
  end else if (Factor < 2) begin : gen_check_factor
    $fatal(1, "%m: Factor = %0d, must be at least 2", Factor);
  end else if (Parts * PixelsPerBeat != Lanes * Factor || Width % Lanes != 0) begin : gen_check_beat
    $fatal(1, "%m: PixelsPerBeat = %0d must divide Factor = %0d, or be m*Factor where m divides Width = %0d",
           PixelsPerBeat, Factor, Width);
  end

  localparam int unsigned PixelBits = Channels * Bits;
  localparam int unsigned RowBits   = Factor * PixelBits;        // what a word gives to one output line
  localparam int unsigned BeatBits  = PixelsPerBeat * PixelBits;
  localparam int unsigned Words     = Width / Lanes;             // RAM accesses of a line
  localparam int unsigned AddrBits  = $clog2(2 * Words);
  localparam int unsigned RowsBits  = $clog2(Factor);

  // Input word, sorted by output row, output column and channel
  logic [Factor-1:0][RowBits-1:0] sorted;
  for (genvar i = 0; i < Factor; i++) begin : gen_i
    for (genvar j = 0; j < Factor; j++) begin : gen_j
      for (genvar c = 0; c < Channels; c++) begin : gen_c
        localparam int unsigned From = Dcr ? (i * Factor + j) * Channels + c : (c * Factor + i) * Factor + j;
        assign sorted[i][(j*Channels+c)*Bits+:Bits] = data_i[From*Bits+:Bits];
      end
    end
  end

  // Filling
  logic [1:0]          full_q;  // which line buffers hold a whole line
  logic                write_half_q, read_half_q;
  logic [AddrBits-1:0] write_addr_q, read_addr_q;
  logic [Lanes-1:0]    lane_q;  // one-hot
  logic                push, filled, read, emptied;
  assign ready_o = ~full_q[write_half_q];
  assign push    = valid_i & ready_o;
  assign filled  = push && lane_q[Lanes-1]
                   && write_addr_q == (write_half_q ? AddrBits'(2 * Words - 1) : AddrBits'(Words - 1));
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      lane_q       <= Lanes'(1);
      write_addr_q <= '0;
      write_half_q <= 1'b0;
    end else if (push) begin
      lane_q <= Lanes'({lane_q, lane_q[Lanes-1]});
      if (lane_q[Lanes-1]) write_addr_q <= (filled && write_half_q) ? '0 : write_addr_q + 1'b1;
      write_half_q <= write_half_q ^ filled;
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      full_q <= '0;
    end else begin
      if (filled)  full_q[write_half_q] <= 1'b1;
      if (emptied) full_q[read_half_q]  <= 1'b0;
    end
  end

  // Reading: every line Factor times, a row each
  logic [RowsBits-1:0] row_q, word_row_q;
  logic                line_end, last_row, word_valid_q, load;
  assign line_end = read_addr_q == (read_half_q ? AddrBits'(2 * Words - 1) : AddrBits'(Words - 1));
  assign last_row = row_q == RowsBits'(Factor - 1);
  assign read     = full_q[read_half_q] & (~word_valid_q | load);
  assign emptied  = read & line_end & last_row;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      row_q        <= '0;
      read_addr_q  <= '0;
      read_half_q  <= 1'b0;
      word_valid_q <= 1'b0;
    end else begin
      if (read) begin
        if (!line_end)                    read_addr_q <= read_addr_q + 1'b1;
        else if (read_half_q == last_row) read_addr_q <= '0;
        else                              read_addr_q <= AddrBits'(Words);
        if (line_end) row_q <= last_row ? '0 : row_q + 1'b1;
        read_half_q <= read_half_q ^ emptied;
      end
      if (read || load) word_valid_q <= read;
    end
  end
  always_ff @(posedge clk_i) begin
    if (read) word_row_q <= row_q;
  end

  logic [Lanes*RowBits-1:0] line;  // the row of the word that was read
  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    logic [Factor-1:0][RowBits-1:0] line_mem [2*Words];
    logic [Factor-1:0][RowBits-1:0] word_q;
    // One half is written, the other one read: the two addresses always differ.
    always_ff @(posedge clk_i) begin
      if (push && lane_q[l]) line_mem[write_addr_q] <= sorted;
    end
    always_ff @(posedge clk_i) begin
      if (read) word_q <= line_mem[read_addr_q];
    end
    assign line[l*RowBits+:RowBits] = word_q[word_row_q];
  end

  // Output: the row, beat by beat
  logic [Lanes*RowBits-1:0] out_q;
  logic [Parts-1:0]         part_q;  // one-hot
  logic                     valid_q;
  assign load    = ~valid_q | (part_q[Parts-1] & ready_i);
  assign valid_o = valid_q;
  assign data_o  = out_q[BeatBits-1:0];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      part_q  <= Parts'(1);
    end else begin
      if (load) valid_q <= word_valid_q;
      if (valid_q && ready_i) part_q <= Parts'({part_q, part_q[Parts-1]});
    end
  end
  always_ff @(posedge clk_i) begin
    if (load)         out_q <= line;
    else if (ready_i) out_q <= out_q >> BeatBits;
  end
endmodule
