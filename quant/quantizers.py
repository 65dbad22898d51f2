"""Brevitas quantizers whose every value is an integer code times a power of two, or +1/-1.

Each class that ends in `Weight`, `Parameter` or `Activation` is a Brevitas injector and goes wherever Brevitas takes
one (``weight_quant=``, ``act_quant=``). Brevitas's own exporter writes them as ``Quant`` or ``BipolarQuant`` nodes.
The arithmetic is in few fused autograd functions, because Brevitas's general ones cost more than the convolutions.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from brevitas.inject import ExtendedInjector
from brevitas.inject.enum import FloatToIntImplType, QuantType
from brevitas.proxy import ActQuantProxyFromInjector, WeightQuantProxyFromInjector
from torch import Tensor, nn
from torch.autograd import Function

from .gradients import Estimator, binarized, mean_magnitude

QuantResult = tuple[Tensor, Tensor, Tensor, Tensor]


class _FixedPointFn(Function):
    """Forward clip(round(x / scale), lo, hi) * scale, halves to even; backward 1 inside the range, 0 outside.

    scale is a power of two, so the division is exact.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: float, lo: int, hi: int) -> Tensor:
        y = (x * (1 / scale)).round_()
        least, most = torch.aminmax(y)
        ctx.clipped = bool(least < lo) or bool(most > hi)
        if ctx.clipped:
            ctx.save_for_backward((y >= lo) & (y <= hi))
            y.clamp_(lo, hi)
        return y.mul_(scale)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        return (grad * ctx.saved_tensors[0] if ctx.clipped else grad), None, None, None


def fixed_point(x: Tensor, scale: float, lo: int, hi: int) -> Tensor:
    """Values of x on the grid scale * {lo..hi}, with the straight-through gradient inside the range."""
    y: Tensor = _FixedPointFn.apply(x, scale, lo, hi)
    return y


def code_range(bit_width: int, signed: bool, narrow_range: bool) -> tuple[int, int]:
    """Least and greatest integer code."""
    if signed:
        return -(1 << (bit_width - 1)) + int(narrow_range), (1 << (bit_width - 1)) - 1
    return 0, (1 << bit_width) - 1 - int(narrow_range)


def power_of_two_above(value: float) -> float:
    """The least power of two that is not below a positive value."""
    mantissa, exponent = math.frexp(value)
    return math.ldexp(1.0, exponent - 1 if mantissa == 0.5 else exponent)


class TensorQuant(nn.Module):
    """Base of Brevitas `tensor_quant` modules here: returns (value, scale, zero point, bit width).

    Attributes:
        passing: True lets values through as they are, to measure what rounding costs; signs stay signs.
    """

    passing = False

    def __init__(self, bit_width: int, signed: bool, narrow_range: bool) -> None:
        super().__init__()
        self.bits = bit_width
        self.lo, self.hi = code_range(bit_width, signed, narrow_range)
        self._zero = torch.tensor(0.0)
        self._bit_width = torch.tensor(float(bit_width))

    def rounded(self, x: Tensor, scale: float) -> Tensor:
        """x on the grid of `scale`; as it is where `passing` is set."""
        return x if self.passing else fixed_point(x, scale, self.lo, self.hi)

    def result(self, y: Tensor, scale: float) -> QuantResult:
        """Brevitas's tuple."""
        return y, torch.tensor(scale), self._zero, self._bit_width


class SignQuant(TensorQuant):
    """sign(x), with the gradient of an estimator.

    Attributes:
        estimator: the gradient; a training may set another one than the scheme's.
        progress: of the training, 0 to 1, for an estimator that follows it.
    """

    def __init__(self, estimator: Estimator) -> None:
        super().__init__(1, True, False)
        self.estimator, self.progress = estimator, 0.0

    def forward(self, x: Tensor) -> QuantResult:
        return self.result(binarized(x, self.estimator, self.progress), 1.0)


class SignActivationQuant(SignQuant):
    """sign(x), gradient 2 - 2|x| unless a training has another one."""

    def __init__(self) -> None:
        super().__init__("polynomial")


class ClippedSignActivationQuant(SignQuant):
    """sign(x), gradient 1 where |x| <= 1 and 0 elsewhere, unless a training has another one."""

    def __init__(self) -> None:
        super().__init__("clipped")


class SignWeightQuant(SignQuant):
    """sign(w), gradient identity or clipped to |w| <= 1, unless a training has another one.

    Attributes:
        scaled: mean|W| is multiplied later, and the gradient is that of the product.
        real: w / mean|w| per filter instead of sign(w), whose mean magnitude is 1 as well: for the first of two steps.
    """

    scaled = False
    real = False

    def __init__(self, clipped_gradient: bool) -> None:
        super().__init__("clipped" if clipped_gradient else "identity")

    def forward(self, w: Tensor) -> QuantResult:
        if self.real:
            return self.result(w / mean_magnitude(w), 1.0)
        return self.result(binarized(w, self.estimator, self.progress, self.scaled), 1.0)


class ScaledSignWeightQuant(SignWeightQuant):
    """sign(w), gradient of mean|W| sign(W)."""

    scaled = True

    def __init__(self) -> None:
        super().__init__(True)


class ConstantQuant(TensorQuant):
    """Fixed point at a constant power-of-two scale."""

    def __init__(self, bit_width: int, signed: bool, narrow_range: bool, fixed_scale: float) -> None:
        super().__init__(bit_width, signed, narrow_range)
        self.scale = fixed_scale

    def forward(self, x: Tensor) -> QuantResult:
        return self.result(self.rounded(x, self.scale), self.scale)


class ParameterQuant(TensorQuant):
    """Fixed point at the least power-of-two scale that holds the tensor's greatest magnitude.

    Attributes:
        floor: the scale is never below it. The layer sets it where a finer grid than that of the accumulator which
            the parameter is added to would only cost bits.
        scale: the scale that was used last.
    """

    def __init__(self, bit_width: int, signed: bool, narrow_range: bool, least_scale: float) -> None:
        super().__init__(bit_width, signed, narrow_range)
        self.floor = self.scale = least_scale

    def forward(self, x: Tensor) -> QuantResult:
        greatest = float(x.detach().abs().max())
        self.scale = max(self.floor, power_of_two_above(greatest / self.hi)) if greatest else self.floor
        return self.result(self.rounded(x, self.scale), self.scale)


class StatisticsQuant(TensorQuant):
    """Fixed point at a power-of-two scale that follows the root mean square of what was seen in training.

    The clipping point is `_CLIP[bits]` times the root mean square: the best one for a normal distribution, rounded
    to a power of two, rather upwards. The running value is a buffer; it stands still in eval mode and when `frozen`
    is set.
    """

    _CLIP = {2: 1.5, 3: 2.0, 4: 2.5, 5: 2.9, 6: 3.3, 7: 3.6, 8: 4.0}
    _EVERY = 8

    mean_square: Tensor
    calls: Tensor

    def __init__(self, bit_width: int, signed: bool, narrow_range: bool) -> None:
        super().__init__(bit_width, signed, narrow_range)
        self.register_buffer("mean_square", torch.tensor(0.0))
        self.register_buffer("calls", torch.tensor(0))
        self.frozen = False

    @property
    def scale(self) -> float:
        """The power-of-two scale now."""
        clip = self._CLIP.get(self.bits, 4.0 + 0.5 * (self.bits - 8)) * math.sqrt(float(self.mean_square) or 1.0)
        # Not to the nearest power: clipping too early costs more than a grid too coarse.
        return 2.0 ** math.ceil(math.log2(clip / (self.hi + 1)) - 0.3)

    def forward(self, x: Tensor) -> QuantResult:
        if self.training and not self.frozen:
            if int(self.calls) % self._EVERY == 0:
                flat = x.detach().flatten()
                now = float(torch.dot(flat, flat)) / flat.numel()
                old = float(self.mean_square)
                self.mean_square.fill_(now if old == 0 else 0.9 * old + 0.1 * now)
            self.calls += 1
        scale = self.scale
        return self.result(self.rounded(x, scale), scale)


class FrameQuant(TensorQuant):
    """Fixed point at a power-of-two scale that its layer sets before each use, as it depends on the frame's size."""

    def __init__(self, bit_width: int, signed: bool, narrow_range: bool) -> None:
        super().__init__(bit_width, signed, narrow_range)
        self.scale = 1.0

    def forward(self, x: Tensor) -> QuantResult:
        return self.result(self.rounded(x, self.scale), self.scale)


class _Injector(ExtendedInjector):
    """What Brevitas's proxies and exporter read from every quantizer."""

    signed = True
    narrow_range = False
    float_to_int_impl_type = FloatToIntImplType.ROUND


class SignWeight(_Injector):
    """+1/-1 weights, straight-through gradient; keep the latent weights clipped."""

    proxy_class = WeightQuantProxyFromInjector
    quant_type = QuantType.BINARY
    tensor_quant = SignWeightQuant
    clipped_gradient = False
    bit_width = 1


class ClippedSignWeight(SignWeight):
    """+1/-1 weights, gradient 1 where |w| <= 1, else 0."""

    clipped_gradient = True


class ScaledSignWeight(_Injector):
    """+1/-1 weights that a factor of mean|W| per filter follows; gradient 1 where |w| <= 1 of the product."""

    proxy_class = WeightQuantProxyFromInjector
    quant_type = QuantType.BINARY
    tensor_quant = ScaledSignWeightQuant
    bit_width = 1


class SignActivation(_Injector):
    """+1/-1 activations, sign(0) = +1, gradient max(0, 2 - 2|x|)."""

    proxy_class = ActQuantProxyFromInjector
    quant_type = QuantType.BINARY
    tensor_quant = SignActivationQuant
    bit_width = 1


class ClippedSignActivation(_Injector):
    """+1/-1 activations, sign(0) = +1, gradient 1 where |x| <= 1."""

    proxy_class = ActQuantProxyFromInjector
    quant_type = QuantType.BINARY
    tensor_quant = ClippedSignActivationQuant
    bit_width = 1


class FrameActivation(_Injector):
    """Signed fixed-point activations at a scale that the layer sets; set `bit_width`."""

    proxy_class = ActQuantProxyFromInjector
    quant_type = QuantType.INT
    tensor_quant = FrameQuant
    bit_width = 12


class FixedPointParameter(_Injector):
    """Signed fixed-point weights or parameters, scale from their greatest magnitude; set `bit_width`."""

    proxy_class = WeightQuantProxyFromInjector
    quant_type = QuantType.INT
    tensor_quant = ParameterQuant
    narrow_range = True
    least_scale = 2.0**-14
    bit_width = 8


class ConstantParameter(_Injector):
    """Signed fixed-point parameters at a constant scale; set `bit_width` and `fixed_scale`."""

    proxy_class = WeightQuantProxyFromInjector
    quant_type = QuantType.INT
    tensor_quant = ConstantQuant
    bit_width = 8
    fixed_scale = 2.0**-7


class ConstantActivation(_Injector):
    """Fixed-point activations at a constant scale; set `bit_width`, `fixed_scale` and, if need be, `signed`."""

    proxy_class = ActQuantProxyFromInjector
    quant_type = QuantType.INT
    tensor_quant = ConstantQuant
    bit_width = 8
    fixed_scale = 2.0**-8


class StatisticsActivation(_Injector):
    """Signed fixed-point activations, power-of-two scale from running statistics; set `bit_width`."""

    proxy_class = ActQuantProxyFromInjector
    quant_type = QuantType.INT
    tensor_quant = StatisticsQuant
    bit_width = 8
