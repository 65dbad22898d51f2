// Plays the same random numbers, and cycles without enable, to a unit as written and to its mapped netlist.
module tb (input logic clk_i, output logic bad_o, output logic [9:0] count_o, output logic [31:0] seen_o);
  logic [63:0] lfsr = 64'h9e3779b97f4a7c15;
  logic [139:0] more = 140'h5;
  logic [9:0] count = 0;
  logic bad = 0;
  logic [31:0] y, z;
  logic [1:0] c, d;
  logic en;
  assign en = lfsr[0] | lfsr[7];
  unit u_unit (.clk_i, .en_i(en), .x_i(more[34:0]), .w_i(more[132:35]), .y_o(y), .carry_o(c));
  gate u_gate (.clk_i, .en_i(en), .x_i(more[34:0]), .w_i(more[132:35]), .y_o(z), .carry_o(d));
  always_ff @(posedge clk_i) begin
    lfsr <= {lfsr[62:0], lfsr[63] ^ lfsr[62] ^ lfsr[60] ^ lfsr[59]};
    more <= {more[138:0], 1'b0} ^ {76'h0, lfsr} ^ {lfsr, 76'h0};
    count <= count + 10'd1;
    if (count > 150 && {y, c} != {z, d}) bad <= 1;
  end
  assign bad_o = bad;
  assign count_o = count;
  assign seen_o = y;
endmodule
