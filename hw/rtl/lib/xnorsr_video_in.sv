// Video in: AXI4-Stream video to frames of exactly Height x Width pixels, whatever arrives.
//
// Formula:     a pixel with tuser = 1 (start of frame) starts a frame; a line is what comes up to a tlast = 1 (end of line).
//              - Pixels before the first start of frame are dropped.
//              - Short line (tlast early): zero pixels complete it.
//              - Long line (no tlast at the last column): the surplus is dropped up to and with its tlast, or up to
//                a start of frame.
//              - Start of frame within a frame: zero pixels complete the old frame, then the new one starts with this pixel.
//              - No start of frame behind a complete frame (too many lines): dropped up to the next one.
//              So the core behind always sees whole frames and is in step again at the next start of frame.
//              Counted = 1 is for sources without tuser, such as a DMA: tuser is ignored, the first pixel after reset
//              starts a frame, and pixels are counted from there. None is dropped, none is added; a source that loses a
//              pixel is out of step up to the next reset.
// Errors:      pulses of one cycle. err_line_o: a short or a long line. err_frame_o: a start of frame within a frame, or the
//              first pixel dropped behind a complete frame. What comes before the first start of frame is no error, nor is
//              the surplus of a long last line one more.
//              Counted = 1: err_line_o for a tlast within a line, and for a frame whose last pixel has none. Lines within
//              a frame may do without, because a DMA ends its transfers with tlast, and they are whole frames or so.
//              err_frame_o stays 0.
// Dropped:     dropped_o counts the beats that were taken and thrown away since reset: those before the first start of
//              frame, the surplus of long lines, and those behind a complete frame. It shows a beat 2 cycles after it
//              leaves the register slice, and stops at its highest value. With Counted = 1 it stays 0.
// Packing:     inside, channel 0 in the low bits. In tdata as well with Gbr = 0; with Gbr = 1 a pixel has three channels
//              R, G, B, and tdata has G in the low bits, then B, then R, as AMD's UG934 asks: wires, no logic. tdata is
//              padded to whole bytes above the pixel; the padding is ignored.
// Range:       Width, Height, Bits >= 1; Gbr = 1: Bits divisible by 3; DroppedBits >= 2.
// Latency:     1 cycle. Interval: 1 cycle per pixel, no gap between lines or frames. Errors cost time: each zero pixel takes a cycle in
//              which no pixel is taken, and 1 cycle more for a start of frame within a frame or in the surplus of a line.
// Handshake:   tready is a register; valid_o and data_o are gates behind registers: no path from an input to an output.
//              A source that cannot wait (a camera) needs a FIFO in front.
// Structure:   a register slice, because AXI4-Stream forbids paths from input to output while the decision to take a
//              beat needs its own tuser. Behind it two counters and a state that says what to do with the next beat.
module xnorsr_video_in #(
  parameter int unsigned Width,   // pixels per line
  parameter int unsigned Height,  // lines per frame
  parameter int unsigned Bits,    // bits of a pixel, all channels
  parameter bit          Gbr,     // tdata holds G, B, R from the low bits on
  parameter bit          Counted, // frames are counted, not marked by tuser
  parameter int unsigned DroppedBits = 32
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,
  input  logic [(Bits+7)/8*8-1:0] s_axis_tdata_i,
  input  logic                    s_axis_tvalid_i,
  output logic                    s_axis_tready_o,
  input  logic                    s_axis_tuser_i,  // start of frame
  input  logic                    s_axis_tlast_i,  // end of line
  output logic [Bits-1:0]         data_o,
  output logic                    valid_o,
  input  logic                    ready_i,
  output logic                    err_line_o,
  output logic                    err_frame_o,
  output logic [DroppedBits-1:0]  dropped_o
);
  if (Width < 1 || Height < 1 || Bits < 1) begin : gen_check
    $fatal(1, "%m: Width = %0d, Height = %0d, Bits = %0d, each must be at least 1", Width, Height, Bits);
  end else if (Gbr && Bits % 3 != 0) begin : gen_check_gbr
    $fatal(1, "%m: Bits = %0d must be divisible by 3 with Gbr = 1", Bits);
  end
  if (DroppedBits < 2) begin : gen_check_dropped
    $fatal(1, "%m: DroppedBits = %0d, must be at least 2", DroppedBits);
  end

  localparam int unsigned XBits = $clog2(Width + 1);
  localparam int unsigned YBits = $clog2(Height + 1);

  if (Bits % 8 != 0) begin : gen_padding
    logic unused_ok;
    assign unused_ok = &{1'b0, s_axis_tdata_i[(Bits+7)/8*8-1:Bits]};
  end

  logic [Bits-1:0] tdata;  // channel 0 in the low bits
  if (Gbr) begin : gen_gbr
    assign tdata = {s_axis_tdata_i[2*(Bits/3)-1:0], s_axis_tdata_i[Bits-1:2*(Bits/3)]};
  end else begin : gen_in_order
    assign tdata = s_axis_tdata_i[Bits-1:0];
  end

  // The beat that is looked at
  logic [Bits-1:0] pixel;
  logic            sof, eol, beat, take;
  xnorsr_skid #(.Bits(Bits + 2)) u_skid (
    .clk_i,
    .rst_ni,
    .data_i ({s_axis_tuser_i, s_axis_tlast_i, tdata}),
    .valid_i(s_axis_tvalid_i),
    .ready_o(s_axis_tready_o),
    .data_o ({sof, eol, pixel}),
    .valid_o(beat),
    .ready_i(take)
  );

  typedef enum logic [2:0] {
    StSync,     // between frames, dropping: nothing came yet, or an error that has been told
    StPixels,   // the next beat belongs to position (x, y)
    StPadLine,  // zeros up to the end of the line
    StPadFrame, // zeros up to the end of the frame
    StSurplus   // dropping up to the end of the line that came
  } state_e;
  state_e state_q, state_d;
  logic   live_q, pad_q, surplus_q;  // StSync or StPixels; StPadLine or StPadFrame; StSurplus: one bit each for the handshake

  // Position of the next pixel to the core
  logic [XBits-1:0] x_q;
  logic [YBits-1:0] y_q;
  logic             first_q, last_x_q, last_y_q, match, pass;  // the comparisons are made a pixel before they are needed
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      x_q      <= '0;
      y_q      <= '0;
      first_q  <= 1'b1;
      last_x_q <= Width == 1;
      last_y_q <= Height == 1;
    end else if (valid_o && ready_i) begin
      first_q  <= last_x_q & last_y_q;
      last_x_q <= Width == 1 || x_q == XBits'(Width - 2);
      x_q      <= last_x_q ? '0 : x_q + 1'b1;
      if (last_x_q) begin
        last_y_q <= Height == 1 || y_q == YBits'(Height - 2);
        y_q      <= last_y_q ? '0 : y_q + 1'b1;
      end
    end
  end

  // A pixel passes when it starts a frame exactly where one is to start, or when nothing but counting says where
  assign match   = Counted || sof == first_q;
  assign pass    = live_q & beat & match;
  assign valid_o = pass | pad_q;
  assign data_o  = pixel & {Bits{~pad_q}};
  // What does not pass is dropped, unless a frame is to be filled up first; where no beat is, it makes no difference
  assign take    = (live_q & (match ? ready_i : first_q)) | (surplus_q & ~sof);

  logic err_line_d, err_frame_d;
  always_comb begin
    state_d     = state_q;
    err_line_d  = 1'b0;
    err_frame_d = 1'b0;
    case (state_q)
      StPadLine:  if (ready_i && last_x_q) state_d = StPixels;
      StPadFrame: if (ready_i && last_x_q && last_y_q) state_d = StPixels;
      StSurplus:  if (beat && (sof || eol)) state_d = StPixels;
      default: begin  // StSync, StPixels
        if (pass) begin
          if (ready_i) begin
            err_line_d = Counted && !eol ? last_x_q && last_y_q : eol != last_x_q;
            state_d    = Counted || eol == last_x_q ? StPixels : eol ? StPadLine : StSurplus;
          end
        end else if (beat) begin
          err_frame_d = state_q == StPixels;
          state_d     = first_q ? StSync : StPadFrame;
        end
      end
    endcase
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q     <= StSync;
      live_q      <= 1'b1;
      pad_q       <= 1'b0;
      surplus_q   <= 1'b0;
      err_line_o  <= 1'b0;
      err_frame_o <= 1'b0;
    end else begin
      state_q     <= state_d;
      live_q      <= state_d == StSync || state_d == StPixels;
      pad_q       <= state_d == StPadLine || state_d == StPadFrame;
      surplus_q   <= state_d == StSurplus;
      err_line_o  <= err_line_d;
      err_frame_o <= err_frame_d;
    end
  end

  // Two registers keep the counter off the handshake: a beat was thrown away, and the counter is at its end.
  logic drop_q, full_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      drop_q    <= 1'b0;
      full_q    <= 1'b0;
      dropped_o <= '0;
    end else begin
      drop_q <= !Counted && beat && take && !pass;
      full_q <= (&dropped_o[DroppedBits-1:1]) && (dropped_o[0] || drop_q);
      if (drop_q && !full_q) dropped_o <= dropped_o + 1'b1;
    end
  end
endmodule
