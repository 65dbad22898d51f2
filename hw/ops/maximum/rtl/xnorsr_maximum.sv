// Greatest of groups of channels.
//
// Formula:     y[c] = max of x[n*Channels + c] over n = 0 to Count - 1.
// Range:       Channels, Bits >= 1, Count >= 2.
// Latency:     log2(Count) cycles, rounded up. Interval: 1 cycle per pixel.
// Handshake:   ready_o depends on ready_i; valid_o and data_o are registers.
// Structure:   a tree that compares two numbers a level and registers the greater one: a carry chain and a multiplexer.
module xnorsr_maximum #(
  parameter int unsigned Channels,  // of the output
  parameter int unsigned Bits,      // of a channel
  parameter bit          Signed,    // two's complement
  parameter int unsigned Count      // input channels of each output channel
) (
  input  logic                           clk_i,
  input  logic                           rst_ni,
  input  logic [Count*Channels*Bits-1:0] data_i,
  input  logic                           valid_i,
  output logic                           ready_o,
  output logic [Channels*Bits-1:0]       data_o,
  output logic                           valid_o,
  input  logic                           ready_i
);
  if (Channels < 1 || Bits < 1 || Count < 2) begin : gen_check
    $fatal(1, "%m: Channels = %0d, Bits = %0d must be at least 1, Count = %0d at least 2", Channels, Bits, Count);
  end

  localparam int unsigned Levels   = $clog2(Count);
  localparam int unsigned WordBits = Channels * Bits;

  logic [Levels-1:0] valid_q;
  logic              en;
  assign en      = ~valid_q[Levels-1] | ready_i;
  assign ready_o = en;
  assign valid_o = valid_q[Levels-1];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else if (en) valid_q <= Levels'({valid_q, valid_i});
  end

  // Numbers that are left in front of a level
  function automatic int unsigned left(int unsigned level);
    int unsigned number;
    number = Count;
    for (int unsigned n = 0; n < level; n++) number = (number + 1) / 2;
    return number;
  endfunction

  for (genvar l = 0; l < Levels; l++) begin : gen_level
    localparam int unsigned From = left(l);
    localparam int unsigned To   = left(l + 1);
    logic [From-1:0][WordBits-1:0] in;
    logic [To-1:0][WordBits-1:0]   out_q;
    if (l == 0) begin : gen_first
      assign in = data_i;
    end else begin : gen_later
      assign in = gen_level[l-1].out_q;
    end
    for (genvar n = 0; n < To; n++) begin : gen_pair
      if (n + To < From) begin : gen_two
        for (genvar c = 0; c < Channels; c++) begin : gen_channel
          logic [Bits-1:0] a, b;
          logic            less;
          assign a = in[n][c*Bits+:Bits];
          assign b = in[n+To][c*Bits+:Bits];
          if (Signed) begin : gen_signed
            assign less = signed'(a) < signed'(b);
          end else begin : gen_unsigned
            assign less = a < b;
          end
          always_ff @(posedge clk_i) begin
            if (en) out_q[n][c*Bits+:Bits] <= less ? b : a;
          end
        end
      end else begin : gen_one
        always_ff @(posedge clk_i) begin
          if (en) out_q[n] <= in[n];
        end
      end
    end
  end
  assign data_o = gen_level[Levels-1].out_q;
endmodule
