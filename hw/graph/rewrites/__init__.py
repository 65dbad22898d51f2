"""One rewrite a file. Each module has `matches(context, node) -> bool` and `apply(context, node) -> None`.

The lowering walks the graph in topological order and gives each node to the first rewrite that matches; a rewrite may
take following nodes along. A node that no rewrite takes is refused.
"""

from types import ModuleType

from . import convolution, elementwise, pixel_shuffle, residual, resize

REWRITES: tuple[ModuleType, ...] = (convolution, pixel_shuffle, resize, residual, elementwise)
SUPPORTED = (
    "Quant, BipolarQuant, Conv, Mul, Div, Add, Sub, BatchNormalization, PRelu, LeakyRelu, Relu, "
    "DepthToSpace, Resize (nearest, linear), Identity"
)
