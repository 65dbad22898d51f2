"""What to use in place of ONNX operators that there is no hardware for."""

from __future__ import annotations

_ADVICE = {
    ("Softmax",): "Leave it out: a Quant saturates, so the output needs no squashing.",
    ("Split", "Slice", "Gather"): "Give each branch a 1x1 convolution of its own in place of a part of the channels.",
    ("SpaceToDepth",): "Feed the network the larger frame, or train it on an input of C*r*r channels.",
    ("GlobalMaxPool", "ReduceMax"): "Use a mean over the frame (GlobalAveragePool with a Quant behind it).",
    ("MaxPool", "AveragePool", "LpPool"): (
        "Leave pooling out: all convolutions work at the resolution of their input. Widen the kernel instead (odd, up "
        "to 9)."
    ),
    ("InstanceNormalization", "LayerNormalization", "GroupNormalization", "LpNormalization"): (
        "Use BatchNorm: its statistics are constants, so that it becomes thresholds or an affine."
    ),
    (
        "MatMul",
        "Gemm",
        "MatMulInteger",
    ): "Of a frame write it as a 1x1 convolution; of a mean over the frame it is supported.",
    ("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze"): (
        "Keep streams in the layout N x C x H x W; a pixel shuffle is to be exported as DepthToSpace."
    ),
    ("Dropout",): "Export in eval mode.",
    ("Trunc", "Floor", "Ceil", "Round", "Cast", "QuantizeLinear", "DequantizeLinear"): (
        "Round with a Quant: export with brevitas.export.export_qonnx, quantizers with a power-of-two scale."
    ),
    ("Sign",): "Use a binary quantizer (Brevitas: SignedBinary..., which exports a BipolarQuant).",
    ("Abs",): "Use affines with constants (a scale, a bias) and PReLU.",
    ("Einsum", "LSTM", "GRU", "If", "Loop", "Scan"): "Build the network of convolutions and sums.",
    (
        "QLinearConv",
        "ConvInteger",
        "DeformConv",
    ): "Export with brevitas.export.export_qonnx: Conv with a Quant per weight.",
    ("Identity",): "End the network in a Quant in place of an Identity.",
}
_BY_OPERATOR = {operator: text for operators, text in _ADVICE.items() for operator in operators}


def instead_of(operator: str) -> str:
    """What to do about an operator that is not supported, as a sentence with a space in front; empty if unknown."""
    return f" {_BY_OPERATOR[operator]}" if operator in _BY_OPERATOR else ""
