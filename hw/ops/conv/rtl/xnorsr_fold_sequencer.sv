// Fold sequencer of the matrix-vector units: holds a window and deals it out in slices, once for every group of outputs.
//
// Formula:     for g in 0..Groups-1, for s in 0..Elements/Simd - 1: slice_o = elements s*Simd .. s*Simd + Simd - 1 of the window,
//              fold_o = g*(Elements/Simd) + s.
// Range:       Simd divides Elements; Groups, ElementBits >= 1.
// Latency:     1 cycle to the first slice; 0 when there is one fold only. Interval: F = Groups*Elements/Simd cycles a window.
// Handshake:   en_i moves everything; word_en_i is a copy of it for the window, next_i what it is in the next cycle. ready_o is a
//              register, en_i and (empty or last slice) as of a cycle before; en_i with one fold. valid_o marks a slice.
// Levels:      counters and their ends are registers of their own: one carry chain or two LUTs, and the multiplexer of the register.
// Structure:   a register that rotates by one slice per cycle, so no multiplexer as wide as the window is needed; the next window
//              loads in the cycle of the last slice. One fold: wires.
module xnorsr_fold_sequencer #(
  parameter int unsigned ElementBits,
  parameter int unsigned Elements,      // of a window
  parameter int unsigned Simd,          // elements a slice
  parameter int unsigned Groups,        // how often the window is dealt out
  parameter int unsigned FoldBits       // bits of fold_o, at least clog2(F), at least 1
) (
  input  logic                            clk_i,
  input  logic                            rst_ni,
  input  logic                            en_i,
  input  logic                            word_en_i,
  input  logic                            next_i,
  input  logic [Elements*ElementBits-1:0] data_i,
  input  logic                            valid_i,
  output logic                            ready_o,
  output logic [Simd*ElementBits-1:0]     slice_o,
  output logic                            valid_o,
  output logic [FoldBits-1:0]             fold_o,
  output logic                            first_o,  // first slice of a group
  output logic                            last_o    // last slice of a group
);
  localparam int unsigned Slices = Elements / Simd;
  localparam int unsigned Folds  = Slices * Groups;

  if (Folds == 1) begin : gen_wires
    logic unused_ok;
    assign unused_ok = &{1'b0, clk_i, rst_ni, word_en_i, next_i};
    assign ready_o = en_i;
    assign slice_o = data_i;
    assign valid_o = valid_i;
    assign fold_o  = '0;
    assign first_o = 1'b1;
    assign last_o  = 1'b1;
  end else begin : gen_fold
    localparam int unsigned SliceBits = Simd * ElementBits;
    localparam int unsigned CountBits = Slices > 1 ? $clog2(Slices) : 1;

    logic [Elements*ElementBits-1:0] word_q;
    logic                            busy_q, first_q, last_q;  // *_q of the slice that is dealt out
    logic                            open_q, open_d;           // there is none, or it is the window's last one
    logic                            turn_q;                   // not open_q: a register of its own for the wide multiplexer
    logic                            ready_q;
    logic [FoldBits-1:0]             fold_q;
    logic [CountBits-1:0]            slice_q;
    assign open_d    = !en_i ? open_q : open_q ? ~valid_i : fold_q == FoldBits'(Folds - 2);
    assign ready_o   = ready_q;
    assign slice_o   = word_q[SliceBits-1:0];
    assign valid_o   = busy_q;
    assign fold_o    = fold_q;
    assign first_o   = first_q;
    assign last_o    = last_q;

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        busy_q      <= 1'b0;
        fold_q      <= '0;
        slice_q     <= '0;
        first_q     <= 1'b1;
        last_q      <= Slices == 1;
        open_q      <= 1'b1;
        turn_q      <= 1'b0;
        ready_q     <= 1'b1;
      end else begin
        open_q  <= open_d;
        turn_q  <= ~open_d;
        ready_q <= next_i & open_d;
        if (en_i && open_q) busy_q <= valid_i;
        if (en_i && busy_q) begin
          fold_q <= open_q ? '0 : fold_q + 1'b1;
          if (Slices > 1) begin
            first_q <= last_q;
            last_q  <= slice_q == CountBits'(Slices - 2);
            slice_q <= last_q ? '0 : slice_q + 1'b1;
          end
        end
      end
    end

    if (Slices == 1) begin : gen_whole
      always_ff @(posedge clk_i) begin
        if (word_en_i && !turn_q) word_q <= data_i;
      end
    end else begin : gen_rotate
      always_ff @(posedge clk_i) begin
        if (word_en_i) word_q <= turn_q ? {word_q[SliceBits-1:0], word_q[Elements*ElementBits-1:SliceBits]} : data_i;
      end
    end
  end
endmodule
