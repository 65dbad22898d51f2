// Pixel shuffle (depth to space) by Factor: each line becomes Factor lines that are Factor times as long.
//
// Formula:     output pixel (y*r + i, x*r + j), channel c, is input pixel (y, x), channel c*r*r + i*r + j (CRD, as PyTorch),
//              or (i*r + j)*Channels + c (DCR), r = Factor.
// Packing:     an output beat is PixelsPerBeat neighbouring pixels, the left one in the low bits.
// Range:       Width, Channels, Bits >= 1, Factor >= 2. PixelsPerBeat divides Factor, or is a multiple m*Factor where m
//              divides Width. Any frame height: a line depends on no other.
// Latency:     4 cycles from the pixel (the last one of m) to the first beat that holds it, if nothing is sent before it.
// Interval:    1 cycle per output beat, without a gap while pixels are there: r*r*Width/PixelsPerBeat cycles per line, which with
//              PixelsPerBeat = r*r is an input pixel per cycle. Input is taken at 1 cycle per pixel while there is room.
// Handshake:   ready_o, valid_o and data_o are registers; no path from an input to an output.
// Structure:   a ring of pixels in one RAM. The first output line of a line follows the input while it arrives, the others are
//              read again; a pixel's place is free once its last output pixel has been read. At full rate r - 2 output lines,
//              in which Width/r pixels each arrive, pass between the last pixel of a line and the first place freed:
//              2*Width*(r-1)/r places, and 4 for the pipeline, never hold up an input that is no faster than the output. For
//              more than r pixels per beat the RAM is split into m lanes of neighbouring pixels, and a place is m pixels.
//              The RAM's register, one more that goes into it, then selection into the output register. Full and unread are
//              registers, told by what the number of places will be.
module xnorsr_pixel_shuffle #(
  parameter int unsigned Width,             // pixels of an input line
  parameter int unsigned Channels,          // channels of an output pixel
  parameter int unsigned Bits,              // bits of a channel
  parameter int unsigned Factor,            // r
  parameter bit          Dcr,               // order of the input channels: 0 CRD, 1 DCR
  parameter int unsigned Style,             // of the memory, see xnorsr_ram
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
  localparam int unsigned RowBits   = Factor * PixelBits;         // what a word gives to one output line
  localparam int unsigned BeatBits  = PixelsPerBeat * PixelBits;
  localparam int unsigned Words     = Width / Lanes;              // RAM accesses of a line
  localparam int unsigned Places    = (2 * Words * (Factor - 1) + Factor - 1) / Factor + 4;
  localparam int unsigned AddrBits  = $clog2(Places);
  localparam int unsigned CountBits = $clog2(Places + 1);
  localparam int unsigned XBits     = $clog2(Words + 1);
  localparam int unsigned RowsBits  = $clog2(Factor);
  localparam int unsigned PartsBits = Parts > 1 ? $clog2(Parts) : 1;

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

  function automatic logic [AddrBits-1:0] next(logic [AddrBits-1:0] addr);
    return (addr == AddrBits'(Places - 1)) ? '0 : addr + 1'b1;
  endfunction

  // Places: held by pixels that are still needed, unread by the first output line
  logic [CountBits-1:0] held_q, unread_q;
  logic                 full_q, waiting_q, written, freed, first_read;
  assign ready_o = ~full_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      held_q    <= '0;
      full_q    <= 1'b0;
      unread_q  <= '0;
      waiting_q <= 1'b0;
    end else begin
      if (written != freed) begin
        held_q <= held_q + {{(CountBits - 1){freed}}, 1'b1};
        full_q <= written && held_q == CountBits'(Places - 1);
      end
      if (written != first_read) begin
        unread_q  <= unread_q + {{(CountBits - 1){first_read}}, 1'b1};
        waiting_q <= written || unread_q != CountBits'(1);
      end
    end
  end

  // Writing, lane by lane
  logic [AddrBits-1:0] write_addr_q;
  logic [Lanes-1:0]    lane_q;  // one-hot
  logic                push;
  assign push    = valid_i & ready_o;
  assign written = push & lane_q[Lanes-1];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      lane_q       <= Lanes'(1);
      write_addr_q <= '0;
    end else begin
      if (push)    lane_q       <= Lanes'({lane_q, lane_q[Lanes-1]});
      if (written) write_addr_q <= next(write_addr_q);
    end
  end

  // Reading: each line Factor times, each word of it Parts times
  logic [AddrBits-1:0]  read_addr_q, line_addr_q;  // line_addr_q: first word of the line
  logic [XBits-1:0]     x_q;
  logic [RowsBits-1:0]  row_q, word_row_q, out_row_q;
  logic [PartsBits-1:0] part_q, word_part_q, out_part_q;
  logic                 first_row, last_row, last_x_q, last_part, read, word_end, word_valid_q, pass, pass_valid_q, load;
  assign first_row  = row_q == '0;
  assign last_row   = row_q == RowsBits'(Factor - 1);
  assign last_part  = part_q == PartsBits'(Parts - 1);
  assign read       = (~first_row | waiting_q) & (~word_valid_q | pass);
  assign word_end   = read & last_part;
  assign first_read = word_end & first_row;
  assign freed      = word_end & last_row;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      part_q       <= '0;
      x_q          <= '0;
      last_x_q     <= Words == 1;
      row_q        <= '0;
      read_addr_q  <= '0;
      line_addr_q  <= '0;
      word_valid_q <= 1'b0;
    end else begin
      if (read) part_q <= last_part ? '0 : part_q + 1'b1;
      if (word_end) begin
        x_q         <= last_x_q ? '0 : x_q + 1'b1;
        last_x_q    <= Words == 1 || x_q == XBits'(Words - 2);
        read_addr_q <= (last_x_q && !last_row) ? line_addr_q : next(read_addr_q);
        if (last_x_q) row_q <= last_row ? '0 : row_q + 1'b1;
        if (last_x_q && last_row) line_addr_q <= next(read_addr_q);
      end
      if (read || pass) word_valid_q <= read;
    end
  end
  always_ff @(posedge clk_i) begin
    if (read) begin
      word_row_q  <= row_q;
      word_part_q <= part_q;
    end
    if (pass) begin
      out_row_q  <= word_row_q;
      out_part_q <= word_part_q;
    end
  end

  logic [Lanes*RowBits-1:0]       line;   // the row of the word that was read
  logic [Parts-1:0][BeatBits-1:0] beats;  // the same, cut into beats
  assign beats = line;
  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    logic [Factor-1:0][RowBits-1:0] word, word_q;
    // The word read is held, the one written is not: the two addresses always differ.
    xnorsr_ram #(.Bits(Factor * RowBits), .Words(Places), .Style(Style)) u_ram (
      .clk_i, .write_i(push & lane_q[l]), .write_addr_i(write_addr_q), .data_i(sorted),
      .read_i(read), .read_addr_i(read_addr_q), .data_o(word)
    );
    always_ff @(posedge clk_i) begin
      if (pass) word_q <= word;
    end
    assign line[l*RowBits+:RowBits] = word_q[out_row_q];
  end

  logic [BeatBits-1:0] out_q;
  logic                valid_q;
  assign load    = ~valid_q | ready_i;
  assign pass    = ~pass_valid_q | load;
  assign valid_o = valid_q;
  assign data_o  = out_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      pass_valid_q <= 1'b0;
      valid_q      <= 1'b0;
    end else begin
      if (pass) pass_valid_q <= word_valid_q;
      if (load) valid_q      <= pass_valid_q;
    end
  end
  always_ff @(posedge clk_i) begin
    if (load) out_q <= beats[out_part_q];
  end
endmodule
