// Video out: frames of Height x Width pixels to AXI4-Stream video.
//
// Formula:     tuser = 1 with the first beat of a frame (start of frame), tlast = 1 with the last beat of a line (end of line).
// Packing:     a beat is PixelsPerBeat neighbouring pixels, the left one in the low bits; tdata is padded with zeros to
//              whole bytes above the last one. Inside, a pixel has channel 0 in the low bits. In tdata as well with
//              Gbr = 0; with Gbr = 1 a pixel has three channels R, G, B, and each pixel in tdata has G in the low bits,
//              then B, then R, as AMD's UG934 asks: wires, no logic.
// Range:       Width, Height, Bits, PixelsPerBeat >= 1; PixelsPerBeat divides Width; Gbr = 1: Bits divisible by 3.
// Latency:     1 cycle. Interval: 1 cycle per beat.
// Handshake:   all outputs are registers: no path from an input to an output, as AXI4-Stream asks.
// Structure:   two counters and a register slice. Frames are counted from reset: what comes in must be whole frames.
module xnorsr_video_out #(
  parameter int unsigned Width,             // pixels per line
  parameter int unsigned Height,            // lines per frame
  parameter int unsigned Bits,              // bits of a pixel, all channels
  parameter bit          Gbr,               // tdata holds G, B, R from the low bits of each pixel on
  parameter int unsigned PixelsPerBeat = 1  // pixels of a beat
) (
  input  logic                                  clk_i,
  input  logic                                  rst_ni,
  input  logic [PixelsPerBeat*Bits-1:0]         data_i,
  input  logic                                  valid_i,
  output logic                                  ready_o,
  output logic [(PixelsPerBeat*Bits+7)/8*8-1:0] m_axis_tdata_o,
  output logic                                  m_axis_tvalid_o,
  input  logic                                  m_axis_tready_i,
  output logic                                  m_axis_tuser_o,  // start of frame
  output logic                                  m_axis_tlast_o   // end of line
);
  if (Width < 1 || Height < 1 || Bits < 1 || PixelsPerBeat < 1) begin : gen_check_size
    $fatal(1, "%m: Width = %0d, Height = %0d, Bits = %0d, PixelsPerBeat = %0d, each must be at least 1",
           Width, Height, Bits, PixelsPerBeat);
  end else if (Width % PixelsPerBeat != 0) begin : gen_check_beat
    $fatal(1, "%m: PixelsPerBeat = %0d must divide Width = %0d", PixelsPerBeat, Width);
  end else if (Gbr && Bits % 3 != 0) begin : gen_check_gbr
    $fatal(1, "%m: Bits = %0d must be divisible by 3 with Gbr = 1", Bits);
  end

  localparam int unsigned BeatBits = PixelsPerBeat * Bits;
  localparam int unsigned Beats    = Width / PixelsPerBeat;  // of a line
  localparam int unsigned XBits    = $clog2(Beats + 1);
  localparam int unsigned YBits    = $clog2(Height + 1);

  logic [XBits-1:0] x_q;
  logic [YBits-1:0] y_q;
  logic             first, last_x, last_y;
  assign first  = x_q == '0 && y_q == '0;
  assign last_x = x_q == XBits'(Beats - 1);
  assign last_y = y_q == YBits'(Height - 1);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      x_q <= '0;
      y_q <= '0;
    end else if (valid_i && ready_o) begin
      x_q <= last_x ? '0 : x_q + 1'b1;
      if (last_x) y_q <= last_y ? '0 : y_q + 1'b1;
    end
  end

  logic [BeatBits-1:0] ordered, data;
  for (genvar p = 0; p < PixelsPerBeat; p++) begin : gen_pixel
    if (Gbr) begin : gen_gbr
      assign ordered[p*Bits+:Bits] = {data_i[p*Bits+:Bits/3], data_i[p*Bits+Bits/3+:Bits-Bits/3]};
    end else begin : gen_in_order
      assign ordered[p*Bits+:Bits] = data_i[p*Bits+:Bits];
    end
  end

  xnorsr_skid #(.Bits(BeatBits + 2)) u_skid (
    .clk_i,
    .rst_ni,
    .data_i ({first, last_x, ordered}),
    .valid_i,
    .ready_o,
    .data_o ({m_axis_tuser_o, m_axis_tlast_o, data}),
    .valid_o(m_axis_tvalid_o),
    .ready_i(m_axis_tready_i)
  );
  assign m_axis_tdata_o = ((BeatBits + 7) / 8 * 8)'(data);
endmodule
