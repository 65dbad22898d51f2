"""The sign function and what stands for its derivative, which is zero almost everywhere.

A scheme chooses an estimator for its activations and one for its weights; `train.activation_gradient` and
`train.weight_gradient` put another one in its place, whatever the scheme. No forward value depends on that.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd import Function

#: identity: 1.
#: clipped: 1 where |x| <= 1, else 0; the straight-through estimator of BinaryNet (Courbariaux et al., 1602.02830).
#: polynomial: max(0, 2 - 2|x|), derivative of a piecewise quadratic sign; Bi-Real Net (Liu et al., 1808.00278).
#: annealed: k t (1 - tanh(t x)^2), the derivative of k tanh(t x), with t = 0.1 * 100^progress and k = max(1/t, 1): from
#: nearly the identity to nearly the sign; the error decay estimator of IR-Net (Qin et al., 1909.10788).
Estimator = Literal["identity", "clipped", "polynomial", "annealed"]

_FIRST, _LAST = 0.1, 10.0  # t at a progress of 0 and 1


def sign(x: Tensor) -> Tensor:
    """+1 where x >= 0 (so sign(0) = +1), else -1; same shape and type."""
    # A comparison into a float buffer and two in-place steps: several times faster than torch.where on a CPU.
    return torch.ge(x, 0, out=torch.empty_like(x)).mul_(2).sub_(1)


def mean_magnitude(w: Tensor) -> Tensor:
    """mean|W| of each filter of (O, I, K, K) weights, (O, 1, 1, 1), no gradient; at least 2**-14, so never zero."""
    return w.detach().abs().mean((1, 2, 3), keepdim=True).clamp_(min=2.0**-14)


def slope(x: Tensor, estimator: Estimator, progress: float) -> Tensor:
    """What an estimator takes for the derivative of sign at x; x's shape.

    Args:
        progress: of the training, 0 to 1; only "annealed" depends on it.
    """
    if estimator == "identity":
        return torch.ones_like(x)
    if estimator == "clipped":
        return (x.abs() <= 1).to(x.dtype)
    if estimator == "polynomial":
        return x.abs().mul_(-2).add_(2).clamp_(min=0)
    t = _FIRST * (_LAST / _FIRST) ** progress
    return (t * x).tanh_().square_().neg_().add_(1).mul_(max(1.0, t))


class _SignFn(Function):
    """Forward sign(x); backward `slope`, of the product where the result is multiplied by mean|W| later.

    With `scaled` the gradient of mean|W| sign(W) as one function of W is the slope, whatever mean|W| is (ReActNet's,
    Liu et al., arXiv 2003.03488): the factor that the later product puts in is taken out again here.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, estimator: Estimator, progress: float, scaled: bool) -> Tensor:
        ctx.how = estimator, progress, scaled
        if estimator != "identity" or scaled:
            ctx.save_for_backward(x)
        return sign(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        estimator, progress, scaled = ctx.how
        if ctx.saved_tensors:
            (x,) = ctx.saved_tensors
            if scaled:
                grad = grad / mean_magnitude(x)
            if estimator != "identity":
                grad = slope(x, estimator, progress).mul_(grad)
        return grad, None, None, None


def binarized(x: Tensor, estimator: Estimator, progress: float, scaled: bool = False) -> Tensor:
    """sign(x) with the gradient of an estimator.

    Args:
        progress: as of `slope`.
        scaled: mean|W| is multiplied later; x are weights (O, I, K, K).
    """
    y: Tensor = _SignFn.apply(x, estimator, progress, scaled)
    return y
