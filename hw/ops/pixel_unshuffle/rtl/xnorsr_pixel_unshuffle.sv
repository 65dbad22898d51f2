// Pixel unshuffle (space to depth) by Factor: Factor lines become one line that is 1/Factor as long.
//
// Formula:     output pixel (y, x), channel c*r*r + i*r + j (CRD, as PyTorch) or (i*r + j)*Channels + c (DCR, as ONNX), is
//              input pixel (y*r + i, x*r + j), channel c, r = Factor.
// Range:       Channels, Bits >= 1, Factor >= 2 divides Width; Styles as xnorsr_ram's. Any frame height that Factor divides.
// Latency:     that of the last line's FIFO from a block's last pixel to the output (xnorsr_fifo): 2 cycles with its style
//              0, else 3.
// Interval:    1 cycle per input pixel, also where the outputs leave evenly, one every r*r cycles.
// Handshake:   valid_o is an AND of registers, ready_o depends on registers.
// Structure:   r pixels of a line side by side are a word; each line of a block has a FIFO of words, and an output pixel is
//              one word of each. Where outputs leave evenly, line i < r - 1 holds at most (2*r - i - 2)/r of its Width/r words,
//              the last one (r - 1)/r of them: what the lines before still need and the next ones bring; and 4 for the
//              pipeline. That is (r - 1)*Width pixels at any time, as many as r - 1 lines.
module xnorsr_pixel_unshuffle #(
  parameter int unsigned           Width,     // pixels of an input line
  parameter int unsigned           Channels,  // channels of an input pixel
  parameter int unsigned           Bits,      // bits of a channel
  parameter int unsigned           Factor,    // r
  parameter bit                    Dcr,       // order of the output channels: 0 CRD, 1 DCR
  parameter logic [Factor*2-1:0]   Styles     // of the lines' memories, 2 bits each, the first line's lowest
) (
  input  logic                                   clk_i,
  input  logic                                   rst_ni,
  input  logic [Channels*Bits-1:0]               data_i,
  input  logic                                   valid_i,
  output logic                                   ready_o,
  output logic [Factor*Factor*Channels*Bits-1:0] data_o,
  output logic                                   valid_o,
  input  logic                                   ready_i
);
  if (Channels < 1 || Bits < 1) begin : gen_check_size
    $fatal(1, "%m: Channels = %0d, Bits = %0d, each must be at least 1", Channels, Bits);
  end else if (Factor < 2 || Width < 1 || Width % Factor != 0) begin : gen_check_factor
    $fatal(1, "%m: Factor = %0d must be at least 2 and divide Width = %0d", Factor, Width);
  end

  localparam int unsigned PixelBits = Channels * Bits;
  localparam int unsigned WordBits  = Factor * PixelBits;
  localparam int unsigned Words     = Width / Factor;  // of a line
  localparam int unsigned XBits     = $clog2(Words + 1);

  // Place of the pixel that comes: column and line in its block, one-hot, and block
  logic [Factor-1:0] column_q, line_q;
  logic [XBits-1:0]  x_q;
  logic              last_x_q, take, word_end;
  logic [Factor-1:0] room, ready, part_valid;
  assign ready    = room | ~line_q;                      // only the line that comes needs room
  assign ready_o  = ~column_q[Factor-1] | (&ready);      // and only for its last pixel of a word
  assign take     = valid_i & ready_o;
  assign word_end = take & column_q[Factor-1];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      column_q <= Factor'(1);
      line_q   <= Factor'(1);
      x_q      <= '0;
      last_x_q <= Words == 1;
    end else begin
      if (take) column_q <= {column_q[Factor-2:0], column_q[Factor-1]};
      if (word_end) begin
        x_q      <= last_x_q ? '0 : x_q + 1'b1;
        last_x_q <= Words == 1 || x_q == XBits'(Words - 2);
        if (last_x_q) line_q <= {line_q[Factor-2:0], line_q[Factor-1]};
      end
    end
  end

  // The pixels of a word so far, the earliest in the low bits
  logic [WordBits-PixelBits-1:0] before_q;
  logic [WordBits-1:0]           word;
  assign word = {data_i, before_q};
  always_ff @(posedge clk_i) begin
    if (take) before_q <= word[WordBits-1:PixelBits];
  end

  logic [Factor-1:0][WordBits-1:0] parts;
  for (genvar i = 0; i < Factor; i++) begin : gen_line
    localparam int unsigned Share = i == Factor - 1 ? Factor - 1 : 2 * Factor - i - 2;
    localparam int unsigned Depth = (Words * Share + Factor - 1) / Factor + 4;
    xnorsr_fifo #(.Bits(WordBits), .Depth(Depth), .Style(32'(Styles[2*i+:2]))) u_fifo (
      .clk_i, .rst_ni, .data_i(word), .valid_i(valid_i & column_q[Factor-1] & line_q[i]), .ready_o(room[i]),
      .data_o(parts[i]), .valid_o(part_valid[i]), .ready_i(valid_o & ready_i)
    );
    for (genvar j = 0; j < Factor; j++) begin : gen_column
      for (genvar c = 0; c < Channels; c++) begin : gen_c
        localparam int unsigned To = Dcr ? (i * Factor + j) * Channels + c : (c * Factor + i) * Factor + j;
        assign data_o[To*Bits+:Bits] = parts[i][(j*Channels+c)*Bits+:Bits];
      end
    end
  end
  assign valid_o = &part_valid;
endmodule
