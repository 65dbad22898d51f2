"""The hardware side: QONNX in, HLS project, SystemVerilog project and resource account out."""
