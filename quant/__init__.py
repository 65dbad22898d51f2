"""The training side: photographs, quantized networks on Brevitas, training, export to QONNX."""

import warnings

# Brevitas says at every import that an optional GPU package is missing; nothing here uses it.
warnings.filterwarnings("ignore", message="fast_hadamard_transform package not found")
