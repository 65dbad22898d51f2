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
// Errors:      pulses of a cycle. err_line_o: a short or a long line. err_frame_o: a start of frame within a frame, or the
//              first pixel dropped behind a complete frame. What comes before the first start of frame is no error, nor is
//              the surplus of a long last line one more.
// Packing:     channel 0 in the low bits; tdata is padded to whole bytes, the padding is ignored.
// Range:       Width, Height, Bits >= 1.
// Latency:     1 cycle. Interval: 1 cycle per pixel, no gap between lines or frames. Errors cost time: each zero pixel takes a cycle in
//              which no pixel is taken, and 1 cycle more for a start of frame within a frame or in the surplus of a line.
// Handshake:   tready is a register; valid_o and data_o are gates behind registers: no path from an input to an output.
//              A source that cannot wait (a camera) needs a FIFO in front.
// Structure:   a register slice, because AXI4-Stream forbids paths from input to output while the decision to take a
//              beat needs its own tuser. Behind it two counters and a state that says what to do with the next beat.
module xnorsr_video_in #(
  parameter int unsigned Width,   // pixels per line
  parameter int unsigned Height,  // lines a frame
  parameter int unsigned Bits     // bits of a pixel, all channels
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
  output logic                    err_frame_o
);
  if (Width < 1 || Height < 1 || Bits < 1) begin : gen_check
    $fatal(1, "%m: Width = %0d, Height = %0d, Bits = %0d, each must be at least 1", Width, Height, Bits);
  end

  localparam int unsigned XBits = $clog2(Width + 1);
  localparam int unsigned YBits = $clog2(Height + 1);

  if (Bits % 8 != 0) begin : gen_padding
    logic unused_ok;
    assign unused_ok = &{1'b0, s_axis_tdata_i[(Bits+7)/8*8-1:Bits]};
  end

  // The beat that is looked at
  logic [Bits-1:0] pixel;
  logic            sof, eol, beat, take;
  xnorsr_skid #(.Bits(Bits + 2)) u_skid (
    .clk_i,
    .rst_ni,
    .data_i ({s_axis_tuser_i, s_axis_tlast_i, s_axis_tdata_i[Bits-1:0]}),
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

  // Position of the next pixel to the core
  logic [XBits-1:0] x_q;
  logic [YBits-1:0] y_q;
  logic             first, last_x, last_y, pass, pad;
  assign first  = x_q == '0 && y_q == '0;
  assign last_x = x_q == XBits'(Width - 1);
  assign last_y = y_q == YBits'(Height - 1);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      x_q <= '0;
      y_q <= '0;
    end else if (valid_o && ready_i) begin
      x_q <= last_x ? '0 : x_q + 1'b1;
      if (last_x) y_q <= last_y ? '0 : y_q + 1'b1;
    end
  end

  // A pixel passes when it starts a frame exactly where one is to start
  assign pass    = (state_q == StSync || state_q == StPixels) && beat && sof == first;
  assign pad     = state_q == StPadLine || state_q == StPadFrame;
  assign valid_o = pass | pad;
  assign data_o  = pixel & {Bits{~pad}};

  logic err_line_d, err_frame_d;
  always_comb begin
    state_d     = state_q;
    take        = 1'b0;
    err_line_d  = 1'b0;
    err_frame_d = 1'b0;
    case (state_q)
      StPadLine:  if (ready_i && last_x) state_d = StPixels;
      StPadFrame: if (ready_i && last_x && last_y) state_d = StPixels;
      StSurplus: begin
        take = ~sof;
        if (beat && (sof || eol)) state_d = StPixels;
      end
      default: begin  // StSync, StPixels
        if (pass) begin
          take = ready_i;
          if (ready_i) begin
            err_line_d = eol != last_x;
            state_d    = eol == last_x ? StPixels : eol ? StPadLine : StSurplus;
          end
        end else if (beat) begin
          take        = first;
          err_frame_d = state_q == StPixels;
          state_d     = first ? StSync : StPadFrame;
        end
      end
    endcase
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q     <= StSync;
      err_line_o  <= 1'b0;
      err_frame_o <= 1'b0;
    end else begin
      state_q     <= state_d;
      err_line_o  <= err_line_d;
      err_frame_o <= err_frame_d;
    end
  end
endmodule
