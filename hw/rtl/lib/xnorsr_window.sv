// Sliding window: from a raster of pixels to the K x K neighbourhood of every pixel.
//
// Formula:     tap (ky, kx) of the beat for pixel (y, x) is pixel (y + ky - K/2, x + kx - K/2); taps_o[ky*K + kx] says
//              whether that lies inside the frame. Data of a tap outside is arbitrary: mask it.
// Packing:     data_o = [ky][kx][word], kx fastest, tap (0, 0) in the low bits; a word is the pixel as it came.
// Range:       Kernel odd, 1 to 9; Width, Height, Bits >= 1, the frame may be smaller than the kernel.
// Latency:     (K/2)*Width + K/2 + 1 cycles from a pixel to its window with gapless input; 0 for Kernel = 1.
// Interval:    1 cycle per pixel, no gap between lines or frames; the last windows of a frame leave without further input.
// Handshake:   ready_o depends on ready_i combinationally (not on valid_i); data_o, valid_o and taps_o are registers.
//              For Kernel = 1 everything is wire.
// Levels:      ends of counts, and what they mean, are registers that were computed a step before: to any register there are two
//              LUTs, or one and a carry chain, beside those that make `step` out of ready_i, valid_i and what is owed.
// Structure:   K rows of K registers; row r holds the input delayed by r*Width slots. All K-1 line delays are one RAM of
//              Width words at one ring address, so that a line costs no shifting and no second pointer. Time in the
//              delays is counted in slots. A slot is an input pixel or, after the last pixel of a frame while windows
//              are still owed and no next frame has come, an empty one that pushes them out. Slots inside a frame are
//              thus contiguous; which slots hold a pixel travels along as one more bit per line, and taps beyond the frame
//              are told by the output position alone, so two frames may share the delays.
module xnorsr_window #(
  parameter int unsigned Width,   // pixels per line
  parameter int unsigned Height,  // lines a frame
  parameter int unsigned Bits,    // bits of a pixel, all channels
  parameter int unsigned Kernel   // K
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,
  input  logic [Bits-1:0]               data_i,
  input  logic                          valid_i,
  output logic                          ready_o,
  output logic [Kernel*Kernel*Bits-1:0] data_o,
  output logic [Kernel*Kernel-1:0]      taps_o,
  output logic                          valid_o,
  input  logic                          ready_i
);
  if (Kernel % 2 == 0 || Kernel > 9) begin : gen_check_kernel
    $fatal(1, "%m: Kernel = %0d, must be odd and at most 9", Kernel);
  end
  if (Width < 1 || Height < 1 || Bits < 1) begin : gen_check_size
    $fatal(1, "%m: Width = %0d, Height = %0d, Bits = %0d, each must be at least 1", Width, Height, Bits);
  end

  if (Kernel == 1) begin : gen_pass
    logic unused_ok;  // wires need neither clock nor reset
    assign unused_ok = &{1'b0, clk_i, rst_ni};
    assign data_o    = data_i;
    assign taps_o    = 1'b1;
    assign valid_o   = valid_i;
    assign ready_o   = ready_i;
  end else begin : gen_window
    localparam int unsigned Half     = Kernel / 2;
    localparam int unsigned Lines    = Kernel - 1;
    localparam int unsigned SlotBits = Bits + 1;              // pixel and "is a pixel"
    localparam int unsigned Delay    = Half * Width + Half;   // slots from the newest tap to the centre tap
    localparam int unsigned XBits    = $clog2(Width + 1);
    localparam int unsigned YBits    = $clog2(Height + 1);
    localparam int unsigned OwedBits = $clog2(Delay + 2);

    logic step;      // the delays advance by a slot
    logic push;      // the slot holds a pixel
    logic pop;       // a window leaves
    logic flush;     // the slot may be empty
    logic vacant;    // the output register can be refilled

    // Handshake
    logic valid_q, valid_d;
    assign vacant  = ~valid_q | ready_i;
    assign ready_o = vacant;
    assign push    = valid_i & vacant;
    assign step    = push | (flush & vacant);
    assign pop     = valid_q & ready_i;
    assign valid_o = valid_q;

    // Position of the input, and windows owed: pixels taken whose window has not reached the output register
    logic [XBits-1:0]    in_x_q;
    logic [YBits-1:0]    in_y_q;
    logic [OwedBits-1:0] owed_q;
    logic                in_last_x_q, in_last_y_q, frame_end_q, owes_q;
    assign flush = frame_end_q & owes_q;

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        in_x_q      <= '0;
        in_y_q      <= '0;
        in_last_x_q <= Width == 1;
        in_last_y_q <= Height == 1;
        frame_end_q <= 1'b1;
      end else if (push) begin
        frame_end_q <= in_last_x_q & in_last_y_q;
        in_last_x_q <= Width == 1 || in_x_q == XBits'(Width - 2);
        in_x_q      <= in_last_x_q ? '0 : in_x_q + 1'b1;
        if (in_last_x_q) begin
          in_last_y_q <= Height == 1 || in_y_q == YBits'(Height - 2);
          in_y_q      <= in_last_y_q ? '0 : in_y_q + 1'b1;
        end
      end
    end
    // In a step, valid_i says whether a pixel comes. Enabled by step alone: that is deep enough.
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        owed_q <= '0;
        owes_q <= 1'b0;
      end else if (step) begin
        owed_q <= owed_q + {{(OwedBits - 1) {valid_d & ~valid_i}}, valid_d ^ valid_i};  // one more, one less, or the same
        owes_q <= valid_i | (owes_q & ~(valid_d & (owed_q == OwedBits'(1))));
      end
    end

    // Line delays: slot[r] is the input delayed by r*Width slots
    logic [Lines:0][SlotBits-1:0] slot;
    logic [Lines*SlotBits-1:0]    line_q;  // what left the RAM for this slot
    assign slot[0] = {push, data_i};
    assign slot[Lines:1] = line_q;

    if (Width == 1) begin : gen_line_reg
      always_ff @(posedge clk_i) begin
        if (step) line_q <= slot[Lines-1:0];
      end
    end else begin : gen_line_ram
      localparam int unsigned AddrBits = $clog2(Width);
      logic [Lines*SlotBits-1:0] line_mem [Width];
      logic [AddrBits-1:0]       addr_q, next_q;  // of this slot and of the next one
      logic                      wrap_q;          // the next slot is the last of the ring
      always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
          addr_q <= '0;
          next_q <= AddrBits'(1);
          wrap_q <= Width == 2;
        end else if (step) begin
          addr_q <= next_q;
          next_q <= wrap_q ? '0 : next_q + 1'b1;
          wrap_q <= next_q == AddrBits'(Width - 2);
        end
      end
      // Reads for the next slot, so the two addresses always differ.
      always_ff @(posedge clk_i) begin
        if (step) line_mem[addr_q] <= slot[Lines-1:0];
      end
      always_ff @(posedge clk_i) begin
        if (step) line_q <= line_mem[next_q];
      end
    end

    // After reset the RAM and the taps hold what an aborted frame left; "is a pixel" bits count once this many slots passed
    logic [OwedBits-1:0] fresh_q;
    logic                centre_is_pixel, fresh_done_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        fresh_q      <= '0;
        fresh_done_q <= 1'b0;
      end else if (step) begin
        fresh_q      <= fresh_q + {{(OwedBits - 1) {1'b0}}, ~fresh_done_q};
        fresh_done_q <= fresh_done_q | (fresh_q == OwedBits'(Delay - 1));
      end
    end

    // Taps: row r, column j is the input delayed by r*Width + j slots
    logic [Kernel-1:0][Kernel-1:0][Bits-1:0] tap_q;
    logic [Half-1:0]                         is_pixel_q;  // of the centre row, up to the centre
    always_ff @(posedge clk_i) begin
      if (step) begin
        for (int unsigned r = 0; r < Kernel; r++) begin
          tap_q[r][0] <= slot[r][Bits-1:0];
          for (int unsigned j = 1; j < Kernel; j++) tap_q[r][j] <= tap_q[r][j-1];
        end
        is_pixel_q[0] <= slot[Half][Bits];
        for (int unsigned j = 1; j < Half; j++) is_pixel_q[j] <= is_pixel_q[j-1];
      end
    end
    assign centre_is_pixel = is_pixel_q[Half-1] & fresh_done_q;
    assign valid_d         = centre_is_pixel;
    always_ff @(posedge clk_i) begin
      if (!rst_ni)      valid_q <= 1'b0;
      else if (step)    valid_q <= valid_d;
      else if (ready_i) valid_q <= 1'b0;
    end

    // Which rows and columns of the output's window lie inside the frame. From a position to the next one that moves by a tap;
    // enter_* says whether the tap that comes in lies inside. The last column is the one with none inside behind it.
    logic [XBits-1:0]  out_x_q;
    logic [YBits-1:0]  out_y_q;
    logic [Kernel-1:0] col_in_q, row_in_q;
    logic              enter_col_q, enter_row_q, last_x, last_y;
    assign last_x = ~col_in_q[Half+1];
    assign last_y = ~row_in_q[Half+1];
    function automatic logic [Kernel-1:0] inside_first(int unsigned size);
      for (int unsigned k = 0; k < Kernel; k++) inside_first[k] = k >= Half && k < size + Half;
    endfunction
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        out_x_q     <= '0;
        col_in_q    <= inside_first(Width);
        enter_col_q <= Width > Half + 1;
      end else if (pop) begin
        out_x_q     <= last_x ? '0 : out_x_q + 1'b1;
        col_in_q    <= last_x ? inside_first(Width) : {enter_col_q, col_in_q[Kernel-1:1]};
        enter_col_q <= Width > Half + 1 && (last_x || (enter_col_q && out_x_q != XBits'(Width - Half - 2)));
      end
    end
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        out_y_q     <= '0;
        row_in_q    <= inside_first(Height);
        enter_row_q <= Height > Half + 1;
      end else if (pop && last_x) begin
        out_y_q     <= last_y ? '0 : out_y_q + 1'b1;
        row_in_q    <= last_y ? inside_first(Height) : {enter_row_q, row_in_q[Kernel-1:1]};
        enter_row_q <= Height > Half + 1 && (last_y || (enter_row_q && out_y_q != YBits'(Height - Half - 2)));
      end
    end

    for (genvar ky = 0; ky < Kernel; ky++) begin : gen_ky
      for (genvar kx = 0; kx < Kernel; kx++) begin : gen_kx
        assign data_o[(ky*Kernel+kx)*Bits+:Bits] = tap_q[Kernel-1-ky][Kernel-1-kx];
        assign taps_o[ky*Kernel+kx]              = row_in_q[ky] & col_in_q[kx];
      end
    end
  end
endmodule
