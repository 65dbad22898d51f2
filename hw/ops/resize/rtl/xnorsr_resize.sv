// Resize by Factor in polyphase form: nearest or bilinear (half-pixel centres), a CRD pixel shuffle still to come.
//
// Formula:     output channel c*r*r + i*r + j of pixel (y, x) is the resized image's channel c at (y*r + i, x*r + j),
//              r = Factor. Nearest: channel c itself. Bilinear: along one axis phase i is (D - |n|)*x[0] + |n|*x[sign(n)]
//              with n = 2i + 1 - r and D = 2r for even r, n = (2i + 1 - r)/2 and D = r for odd r; both axes give the exact
//              sum over D*D, which goes out as it is or, with HasQuant, through xnorsr_requant. Edges repeat.
// Range:       Width, Height, Channels, InBits, OutBits >= 1, Factor 2 to 8; HasQuant only if bilinear; Out... as in
//              xnorsr_requant. Without HasQuant the output must hold every value that can occur.
// Latency:     nearest 0 cycles. Bilinear Width + 2 (the window) + Edge + 2*(1 + Split), and xnorsr_requant's with HasQuant; Edge
//              is 1 where the repeated edge needs a register for LogicLevels, Split where products do: Factor 4, 6 and 8.
// Interval:    1 cycle per pixel, no gap between lines or frames; the last pixels of a frame leave without further input.
// Handshake:   nearest is wire. Bilinear: ready_o depends on ready_i combinationally; valid_o and data_o are registers.
// Structure:   separable: r vertical sums for each of three columns, then r horizontal sums of each. The weights are
//              small constants, so a product is a few shifts, added or subtracted, and no multiplier. A tap outside the
//              frame is replaced by its neighbour towards the centre before the sums, which repeats the edge for any
//              frame size.
module xnorsr_resize #(
  parameter int unsigned Width,     // pixels per line
  parameter int unsigned Height,    // lines a frame
  parameter int unsigned Channels,  // channels of an input pixel
  parameter int unsigned InBits,    // bits of an input channel
  parameter bit          InSigned,  // input codes are two's complement
  parameter int unsigned Factor,    // r
  parameter bit          Bilinear,  // 0: nearest
  parameter bit          HasQuant,  // the sum is requantized
  parameter int          OutShift,
  parameter int unsigned OutDivisor,
  parameter int          OutLo,
  parameter int          OutHi,
  parameter int unsigned OutBits,   // bits of an output channel
  parameter int unsigned LogicLevels  // look-up tables between registers
) (
  input  logic                                      clk_i,
  input  logic                                      rst_ni,
  input  logic [Channels*InBits-1:0]                data_i,
  input  logic                                      valid_i,
  output logic                                      ready_o,
  output logic [Channels*Factor*Factor*OutBits-1:0] data_o,
  output logic                                      valid_o,
  input  logic                                      ready_i
);
  if (Width < 1 || Height < 1 || Channels < 1 || InBits < 1 || OutBits < 1) begin : gen_check_size
    $fatal(1, "%m: Width = %0d, Height = %0d, Channels = %0d, InBits = %0d, OutBits = %0d, each must be at least 1",
           Width, Height, Channels, InBits, OutBits);
  end
  if (Factor < 2 || Factor > 8) begin : gen_check_factor
    $fatal(1, "%m: Factor = %0d, must be 2 to 8", Factor);
  end

  if (HasQuant && !Bilinear) begin : gen_check_quant
    $fatal(1, "%m: HasQuant = %0d needs Bilinear = 1: nearest changes no value", HasQuant);
  end

  localparam int unsigned Phases = Factor * Factor;

  // Digits +1, or -1, of a weight: as few as possible (non-adjacent form), its ones where that saves none
  function automatic logic [5:0] digits(int unsigned weight, bit minus);
    logic [5:0] half, sum;
    half   = 6'(weight >> 1);
    sum    = 6'(weight + (weight >> 1));
    digits = (minus ? half : sum) & (half ^ sum);
    if ($countones(half ^ sum) >= $countones(weight)) digits = minus ? '0 : 6'(weight);
  endfunction

  if (!Bilinear) begin : gen_nearest
    logic unused_ok;  // wires need neither clock nor reset
    assign unused_ok = &{1'b0, clk_i, rst_ni};
    for (genvar c = 0; c < Channels; c++) begin : gen_channel
      logic [InBits-1:0]  x;
      logic [OutBits-1:0] y;
      assign x = data_i[c*InBits+:InBits];
      assign y = InSigned ? OutBits'(signed'(x)) : OutBits'(x);
      assign data_o[c*Phases*OutBits+:Phases*OutBits] = {Phases{y}};
    end
    assign valid_o = valid_i;
    assign ready_o = ready_i;
  end else begin : gen_bilinear
    localparam int unsigned Halve      = Factor % 2 == 0 ? 1 : 2;  // for odd r all weights over 2r are even
    localparam int unsigned Den        = 2 * Factor / Halve;
    localparam int unsigned ExtBits    = InBits + (InSigned ? 0 : 1);  // an input code as a signed number
    localparam int unsigned VertBits   = ExtBits + $clog2(Den);
    localparam int unsigned SumBits    = ExtBits + $clog2(Den * Den);
    // Sums of three numbers take two levels, one of carry-save adders. More numbers, for even Factor, are summed up a
    // product at a time first, which has up to three of them, or two for Factor 4.
    localparam int unsigned Split      = Factor > 2 && Factor % 2 == 0 ? 1 : 0;
    localparam int unsigned First      = Factor == 4 ? 1 : 2;
    localparam int unsigned Edge       = 2 + First > LogicLevels ? 1 : 0;  // two to repeat the edge
    localparam int unsigned Stages     = Edge + 2 * (1 + Split)
                                         + (HasQuant ? (OutDivisor > 1 ? 4 : OutShift > 0 ? 1 : 0)
                                                       + (LogicLevels > 2 ? 1 : 2) : 0);

    // x * weight as a sum of shifts
    function automatic logic signed [SumBits-1:0] times(
      logic signed [SumBits-1:0] x, logic [5:0] plus, logic [5:0] minus
    );
      times = '0;
      for (int unsigned b = 0; b < 6; b++) begin
        if (plus[b])  times = times + (x <<< b);
        if (minus[b]) times = times - (x <<< b);
      end
    endfunction

    // Window and pipeline control: all stages advance together
    logic [9*Channels*InBits-1:0] taps;
    logic [8:0]                   in_frame;
    logic [Stages-1:0]            valid_q;
    logic                         window_valid, advance, window_ready;
    assign valid_o = valid_q[Stages-1];
    xnorsr_advance u_advance (.valid_i(valid_q[Stages-1]), .ready_i, .advance_o(advance));
    xnorsr_advance u_ready (.valid_i(valid_q[Stages-1]), .ready_i, .advance_o(window_ready));
    xnorsr_window #(.Width(Width), .Height(Height), .Bits(Channels * InBits), .Kernel(3)) u_window (
      .clk_i,
      .rst_ni,
      .data_i,
      .valid_i,
      .ready_o,
      .data_o (taps),
      .taps_o (in_frame),
      .valid_o(window_valid),
      .ready_i(window_ready)
    );
    always_ff @(posedge clk_i) begin
      if (!rst_ni)      valid_q <= '0;
      else if (advance) valid_q <= {valid_q[Stages-2:0], window_valid};
    end

    logic [2:0] row_in, col_in;  // which rows and columns of the window lie inside; the middle ones always do
    logic       unused_ok;
    assign row_in    = {in_frame[7], 1'b1, in_frame[1]};
    assign col_in    = {in_frame[5], 1'b1, in_frame[3]};
    assign unused_ok = &{1'b0, in_frame[8], in_frame[6], in_frame[4], in_frame[2], in_frame[0]};

    for (genvar c = 0; c < Channels; c++) begin : gen_channel
      logic [2:0][2:0][ExtBits-1:0] x_d, x;  // edges repeated
      for (genvar ky = 0; ky < 3; ky++) begin : gen_ky
        for (genvar kx = 0; kx < 3; kx++) begin : gen_kx
          logic [InBits-1:0] code;
          always_comb begin
            unique case ({row_in[ky], col_in[kx]})
              2'b11:   code = taps[((ky*3+kx)*Channels+c)*InBits+:InBits];
              2'b10:   code = taps[((ky*3+1)*Channels+c)*InBits+:InBits];
              2'b01:   code = taps[((3+kx)*Channels+c)*InBits+:InBits];
              default: code = taps[(4*Channels+c)*InBits+:InBits];
            endcase
          end
          assign x_d[ky][kx] = InSigned ? ExtBits'(signed'(code)) : ExtBits'(code);
        end
      end

      if (Edge == 1) begin : gen_edge
        always_ff @(posedge clk_i) begin
          if (advance) x <= x_d;
        end
      end else begin : gen_no_edge
        assign x = x_d;
      end

      for (genvar i = 0; i < Factor; i++) begin : gen_i
        localparam int          LeanY = (2 * int'(i) + 1 - int'(Factor)) / int'(Halve);  // > 0: to the next pixel
        localparam int unsigned SideY = LeanY < 0 ? 0 : 2;
        localparam int unsigned NearY = unsigned'(LeanY < 0 ? -LeanY : LeanY);
        localparam logic [5:0] OwnPlusY  = digits(Den - NearY, 1'b0), OwnMinusY  = digits(Den - NearY, 1'b1);
        localparam logic [5:0] NearPlusY = digits(NearY, 1'b0),       NearMinusY = digits(NearY, 1'b1);

        logic [2:0][VertBits-1:0] vert_q;  // sum along the column, of three columns
        for (genvar kx = 0; kx < 3; kx++) begin : gen_column
          logic signed [SumBits-1:0] own, near;
          assign own  = times(SumBits'(signed'(x[1][kx])), OwnPlusY, OwnMinusY);
          assign near = times(SumBits'(signed'(x[SideY][kx])), NearPlusY, NearMinusY);
          if (Split == 1) begin : gen_split
            logic signed [SumBits-1:0] own_q, near_q;
            always_ff @(posedge clk_i) begin
              if (advance) begin
                own_q      <= own;
                near_q     <= near;
                vert_q[kx] <= VertBits'(own_q + near_q);
              end
            end
          end else begin : gen_whole
            always_ff @(posedge clk_i) begin
              if (advance) vert_q[kx] <= VertBits'(own + near);
            end
          end
        end

        for (genvar j = 0; j < Factor; j++) begin : gen_j
          localparam int unsigned At    = (c * Phases + i * Factor + j) * OutBits;
          localparam int          LeanX = (2 * int'(j) + 1 - int'(Factor)) / int'(Halve);  // > 0: to the next pixel
          localparam int unsigned SideX = LeanX < 0 ? 0 : 2;
          localparam int unsigned NearX = unsigned'(LeanX < 0 ? -LeanX : LeanX);

          localparam logic [5:0] OwnPlusX  = digits(Den - NearX, 1'b0), OwnMinusX  = digits(Den - NearX, 1'b1);
          localparam logic [5:0] NearPlusX = digits(NearX, 1'b0),       NearMinusX = digits(NearX, 1'b1);

          logic signed [SumBits-1:0] own, near, sum_q;
          assign own  = times(SumBits'(signed'(vert_q[1])), OwnPlusX, OwnMinusX);
          assign near = times(SumBits'(signed'(vert_q[SideX])), NearPlusX, NearMinusX);
          if (Split == 1) begin : gen_split
            logic signed [SumBits-1:0] own_q, near_q;
            always_ff @(posedge clk_i) begin
              if (advance) begin
                own_q  <= own;
                near_q <= near;
                sum_q  <= own_q + near_q;
              end
            end
          end else begin : gen_whole
            always_ff @(posedge clk_i) begin
              if (advance) sum_q <= own + near;
            end
          end
          if (HasQuant) begin : gen_quant
            xnorsr_requant #(
              .InBits (SumBits),
              .Shift  (OutShift),
              .Divisor(OutDivisor),
              .Lo     (OutLo),
              .Hi     (OutHi),
              .OutBits(OutBits),
              .LogicLevels(LogicLevels)
            ) u_quant (
              .clk_i,
              .en_i(advance),
              .x_i (sum_q),
              .y_o (data_o[At+:OutBits])
            );
          end else begin : gen_exact
            assign data_o[At+:OutBits] = OutBits'(sum_q);
            if (OutBits < SumBits) begin : gen_cut
              logic unused_cut;
              assign unused_cut = &{1'b0, sum_q[SumBits-1:OutBits]};
            end
          end
        end
      end
    end
  end
endmodule
