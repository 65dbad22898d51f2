// Width converter: beats of InChannels channels to beats of OutChannels channels, channel 0 first.
//
// Formula:     the sequence of channels stays; only the number in a beat changes.
// Range:       Bits >= 1; one of InChannels, OutChannels divides the other.
// Latency:     with R = max/min: R cycles to widen (from the first narrow beat), 1 cycle to narrow or to pass.
// Interval:    1 cycle a narrow beat, without a gap between wide beats.
// Handshake:   ready_o is a register where R > 1 beats become one, else depends on ready_i combinationally; valid_o and data_o are
//              registers.
// Structure:   xnorsr_collect widens. Narrowing shifts a loaded word; the next word loads in the cycle in which the last part
//              leaves. That a part is the last one is a register, so a handshake is one look-up table.
module xnorsr_gearbox #(
  parameter int unsigned InChannels,   // channels of an input beat
  parameter int unsigned OutChannels,  // channels of an output beat
  parameter int unsigned Bits          // bits of a channel
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  input  logic [InChannels*Bits-1:0]  data_i,
  input  logic                        valid_i,
  output logic                        ready_o,
  output logic [OutChannels*Bits-1:0] data_o,
  output logic                        valid_o,
  input  logic                        ready_i
);
  if (Bits < 1 || InChannels < 1 || OutChannels < 1) begin : gen_check_size
    $fatal(1, "%m: InChannels = %0d, OutChannels = %0d, Bits = %0d, each must be at least 1",
           InChannels, OutChannels, Bits);
  end else if (InChannels % OutChannels != 0 && OutChannels % InChannels != 0) begin : gen_check_ratio
    $fatal(1, "%m: InChannels = %0d, OutChannels = %0d, one must divide the other", InChannels, OutChannels);
  end

  if (InChannels == OutChannels) begin : gen_pass
    logic [OutChannels*Bits-1:0] data_q;
    logic                        valid_q, vacant;
    assign valid_o = valid_q;
    assign vacant  = ~valid_q | ready_i;
    assign ready_o = vacant;
    assign data_o  = data_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni)     valid_q <= 1'b0;
      else if (vacant) valid_q <= valid_i;
    end
    always_ff @(posedge clk_i) begin
      if (vacant && valid_i) data_q <= data_i;
    end
  end else if (InChannels < OutChannels) begin : gen_widen
    logic next;
    xnorsr_collect #(.Parts(OutChannels / InChannels), .PartBits(InChannels * Bits), .Copies(1)) u_collect (
      .clk_i, .rst_ni, .part_i(data_i), .valid_i, .ready_o, .next_o(next), .data_o, .valid_o, .ready_i
    );
    logic unused_ok;
    assign unused_ok = &{1'b0, next};
  end else begin : gen_narrow
    localparam int unsigned Ratio     = InChannels / OutChannels;
    localparam int unsigned PartBits  = OutChannels * Bits;
    localparam int unsigned CountBits = $clog2(Ratio);

    logic [InChannels*Bits-1:0] word_q;
    logic [CountBits-1:0]       count_q;
    logic                       valid_q, last_q, load, move;
    assign valid_o = valid_q;
    assign load    = ~valid_q | last_q;  // registers only: what chooses the data does not wait for ready_i
    assign move    = ~valid_q | ready_i;
    assign ready_o = load & move;
    assign data_o  = word_q[PartBits-1:0];
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        count_q <= '0;
        last_q  <= 1'b0;
        valid_q <= 1'b0;
      end else begin
        if (ready_o) valid_q <= valid_i;
        if (valid_q && ready_i) begin
          count_q <= last_q ? '0 : count_q + 1'b1;
          last_q  <= count_q == CountBits'(Ratio - 2);
        end
      end
    end
    always_ff @(posedge clk_i) begin
      if (move) word_q <= load ? data_i : word_q >> PartBits;
    end
  end
endmodule
