"""What to use in place of ONNX operators that there is no hardware for."""

from __future__ import annotations

_ADVICE = {
    ("Softmax",): "Leave it out: a Quant saturates, so the output needs no squashing.",
    ("GlobalMaxPool", "ReduceMax"): "Use a mean over the frame (GlobalAveragePool with a Quant behind it).",
    ("LpPool",): "Use a MaxPool or an AveragePool whose windows lie side by side.",
    ("InstanceNormalization", "LayerNormalization", "GroupNormalization", "LpNormalization"): (
        "Use BatchNorm: its statistics are constants, so that it becomes thresholds or an affine."
    ),
    (
        "MatMul",
        "Gemm",
        "MatMulInteger",
    ): "Of a frame write it as a 1x1 convolution; of a mean over the frame it is supported.",
    ("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze"): (
        "Keep streams in the layout N x C x H x W; understood are pixel shuffles and unshuffles, and channels that are "
        "selected, sorted or repeated."
    ),
    ("Dropout",): "Export in eval mode.",
    ("Trunc", "Floor", "Ceil", "Round", "Cast", "QuantizeLinear", "DequantizeLinear"): (
        "Round with a Quant: export with brevitas.export.export_qonnx, which writes one for each quantizer, whatever "
        "its scale; torch.onnx.export writes arithmetic."
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
