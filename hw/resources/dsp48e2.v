// DSP48E2 for Yosys, whose pass xilinx_dsp puts registers, additions and cascades into DSP48E1 only. So multipliers become
// DSP48E1 cells first (with MULTIPLIERS), with the 27 bits that a DSP48E2's wide factor has, for port A has 30; and the cells
// that the pass leaves become what they stand for. Both slices have the same registers, codes and cascades. The pass uses
// the pre-adder up to 25 bits.
`ifdef MULTIPLIERS
module \$__MUL27X18 (input [26:0] A, input [17:0] B, output [44:0] Y);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 0;
  parameter B_WIDTH = 0;
  parameter Y_WIDTH = 0;
  wire [47:0] p;
  DSP48E1 #(
    .ACASCREG(0), .ADREG(0), .ALUMODEREG(0), .AREG(0), .A_INPUT("DIRECT"), .BCASCREG(0), .BREG(0), .B_INPUT("DIRECT"),
    .CARRYINREG(0), .CARRYINSELREG(0), .CREG(0), .DREG(0), .INMODEREG(0), .MREG(0), .OPMODEREG(0), .PREG(0),
    .USE_DPORT("FALSE"), .USE_MULT("MULTIPLY"), .USE_SIMD("ONE48")
  ) _TECHMAP_REPLACE_ (
    .A({{3{A[26]}}, A}), .ACIN(30'b0), .ALUMODE(4'b0000), .B(B), .BCIN(18'b0), .C(48'b0), .CARRYIN(1'b0),
    .CARRYINSEL(3'b000), .D(25'b0), .INMODE(5'b00000), .OPMODE(7'b0000101), .P(p), .PCIN(48'b0)
  );
  assign Y = p;
endmodule
`else
module DSP48E1 (
  input [29:0] A, ACIN, input [17:0] B, BCIN, input [47:0] C, PCIN, input [24:0] D,
  input [6:0] OPMODE, input [4:0] INMODE, input [3:0] ALUMODE, input [2:0] CARRYINSEL, input CARRYIN, CLK,
  input CEA1, CEA2, CEAD, CEB1, CEB2, CEC, CED, CEM, CEP, RSTA, RSTB, RSTC, RSTD, RSTM, RSTP,
  output [47:0] P, PCOUT, output [29:0] ACOUT, output [17:0] BCOUT, output OVERFLOW
);
  parameter ACASCREG = 1;
  parameter ADREG = 1;
  parameter ALUMODEREG = 1;
  parameter AREG = 1;
  parameter A_INPUT = "DIRECT";
  parameter BCASCREG = 1;
  parameter BREG = 1;
  parameter B_INPUT = "DIRECT";
  parameter CARRYINREG = 1;
  parameter CARRYINSELREG = 1;
  parameter CREG = 1;
  parameter DREG = 1;
  parameter INMODEREG = 1;
  parameter MASK = 48'h3FFFFFFFFFFF;
  parameter MREG = 1;
  parameter OPMODEREG = 1;
  parameter PATTERN = 48'h000000000000;
  parameter PREG = 1;
  parameter SEL_MASK = "MASK";
  parameter SEL_PATTERN = "PATTERN";
  parameter USE_DPORT = "FALSE";
  parameter USE_MULT = "MULTIPLY";
  parameter USE_PATTERN_DETECT = "NO_PATDET";
  parameter USE_SIMD = "ONE48";
  DSP48E2 #(
    .ACASCREG(ACASCREG), .ADREG(ADREG), .ALUMODEREG(ALUMODEREG), .AMULTSEL(USE_DPORT == "TRUE" ? "AD" : "A"),
    .AREG(AREG), .A_INPUT(A_INPUT), .BCASCREG(BCASCREG), .BMULTSEL("B"), .BREG(BREG), .B_INPUT(B_INPUT),
    .CARRYINREG(CARRYINREG), .CARRYINSELREG(CARRYINSELREG), .CREG(CREG), .DREG(DREG), .INMODEREG(INMODEREG),
    .MASK(MASK), .MREG(MREG), .OPMODEREG(OPMODEREG), .PATTERN(PATTERN), .PREADDINSEL("A"), .PREG(PREG),
    .SEL_MASK(SEL_MASK), .SEL_PATTERN(SEL_PATTERN), .USE_MULT(USE_MULT), .USE_PATTERN_DETECT(USE_PATTERN_DETECT),
    .USE_SIMD(USE_SIMD)
  ) _TECHMAP_REPLACE_ (
    .A(A), .ACIN(ACIN), .ACOUT(ACOUT), .ALUMODE(ALUMODE), .B(B), .BCIN(BCIN), .BCOUT(BCOUT), .C(C), .CARRYIN(CARRYIN),
    .CARRYINSEL(CARRYINSEL), .CEA1(CEA1), .CEA2(CEA2), .CEAD(CEAD), .CEB1(CEB1), .CEB2(CEB2), .CEC(CEC), .CED(CED),
    .CEM(CEM), .CEP(CEP), .CLK(CLK), .D({{2{D[24]}}, D}), .INMODE(INMODE), .OPMODE({2'b00, OPMODE}),
    .OVERFLOW(OVERFLOW), .P(P), .PCIN(PCIN), .PCOUT(PCOUT), .RSTA(RSTA), .RSTB(RSTB), .RSTC(RSTC), .RSTD(RSTD),
    .RSTM(RSTM), .RSTP(RSTP)
  );
endmodule
`endif
