// What the tests use of a DSP48E2: product with or without registers, and C, PCIN or nothing added.
module DSP48E2 #(
  parameter AREG = 1, BREG = 1, CREG = 1, MREG = 1, PREG = 1, AMULTSEL = "A", A_INPUT = "DIRECT", B_INPUT = "DIRECT",
  parameter ACASCREG = 1, ADREG = 1, ALUMODEREG = 1, BCASCREG = 1, BMULTSEL = "B", CARRYINREG = 1, CARRYINSELREG = 1,
  parameter DREG = 1, INMODEREG = 1, MASK = 0, OPMODEREG = 1, PATTERN = 0, PREADDINSEL = "A", SEL_MASK = "MASK",
  parameter SEL_PATTERN = "PATTERN", USE_MULT = "MULTIPLY", USE_PATTERN_DETECT = "NO_PATDET", USE_SIMD = "ONE48"
) (
  input CLK, input [29:0] A, input [17:0] B, input [47:0] C, PCIN, input [8:0] OPMODE,
  input CEA1, CEA2, CEB1, CEB2, CEC, CEM, CEP, output [47:0] P, PCOUT,
  input RSTA, RSTB, RSTC, RSTD, RSTM, RSTP, CEAD, CED, CARRYIN, input [26:0] D, input [29:0] ACIN, input [17:0] BCIN,
  input [4:0] INMODE, input [3:0] ALUMODE, input [2:0] CARRYINSEL,
  output [29:0] ACOUT, output [17:0] BCOUT, output OVERFLOW
);
  reg signed [26:0] a1, a2;
  reg signed [17:0] b1, b2;
  reg signed [44:0] m;
  reg [47:0] c, p;
  wire signed [26:0] a = AREG == 0 ? A[26:0] : a2;
  wire signed [17:0] b = BREG == 0 ? B : b2;
  wire signed [44:0] product = a * b;
  wire signed [44:0] mult = MREG == 0 ? product : m;
  wire [47:0] z = OPMODE[6:4] == 3'b001 ? PCIN : OPMODE[6:4] == 3'b011 ? (CREG == 0 ? C : c) : 48'd0;
  wire [47:0] sum = z + {{3{mult[44]}}, mult};
  assign P = PREG == 0 ? sum : p;
  assign PCOUT = P;
  always @(posedge CLK) begin
    if (CEA1) a1 <= A[26:0];
    if (CEA2) a2 <= AREG == 2 ? a1 : A[26:0];
    if (CEB1) b1 <= B;
    if (CEB2) b2 <= BREG == 2 ? b1 : B;
    if (CEC) c <= C;
    if (CEM) m <= product;
    if (CEP) p <= sum;
  end
endmodule
