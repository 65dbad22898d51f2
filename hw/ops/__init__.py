"""The hardware operators, one in each folder. `base` says what each must say of itself, `registry` holds them.

Importing this package registers the operators that come with it.
"""

from __future__ import annotations

from pathlib import Path

from . import (
    add,
    affine,
    broadcast,
    concat,
    conv,
    fork,
    maximum,
    pieces,
    pixel_shuffle,
    pixel_unshuffle,
    pool,
    product,
    resize,
    select,
    table,
    threshold,
)
from .registry import operators, register, registered, supported_onnx, unregister

__all__ = ["operators", "register", "registered", "supported_onnx", "unregister"]

_HERE = Path(__file__).parent

register(
    conv.Conv,
    _HERE / "conv",
    rewrites=[conv.ConvRewrite()],
    conversions=[
        conv.TransposedConvolutions(),
        conv.WholeKernels(),
        conv.MoveScales(),
        conv.SplitBiases(),
        conv.StridedConvolutions(),
        conv.MeanPools(),
    ],
    scales=[conv.ConvScales(), conv.MeanPoolScales()],
)
register(
    affine.Affine,
    _HERE / "affine",
    rewrites=[affine.AffineRewrite()],
    conversions=[affine.QuantizeAffines()],
    scales=[affine.ReluScales()],
)
register(threshold.Threshold, _HERE / "threshold", rewrites=[threshold.ThresholdRewrite()])
register(pieces.Pieces, _HERE / "pieces", rewrites=[pieces.PiecesRewrite()])
register(add.Add, _HERE / "add", rewrites=[add.AddRewrite()], scales=[add.AddScales()])
register(table.Table, _HERE / "table", rewrites=[table.TableRewrite()])
register(pool.Pool, _HERE / "pool", rewrites=[pool.PoolRewrite()])
register(product.Product, _HERE / "product", rewrites=[product.ProductRewrite()], scales=[product.ProductScales()])
register(
    broadcast.Broadcast,
    _HERE / "broadcast",
    rewrites=[broadcast.BroadcastRewrite()],
    conversions=[broadcast.SpreadInputs()],
    scales=[broadcast.BroadcastScales()],
)
register(concat.Concat, _HERE / "concat", rewrites=[concat.ConcatRewrite()], scales=[concat.ConcatScales()])
register(
    pixel_shuffle.PixelShuffle,
    _HERE / "pixel_shuffle",
    rewrites=[pixel_shuffle.PixelShuffleRewrite()],
    passes=[pixel_shuffle.PushShuffles()],
    scales=[pixel_shuffle.PixelShuffleScales()],
)
register(
    pixel_unshuffle.PixelUnshuffle,
    _HERE / "pixel_unshuffle",
    rewrites=[pixel_unshuffle.PixelUnshuffleRewrite()],
    scales=[pixel_unshuffle.PixelUnshuffleScales()],
)
register(
    maximum.Maximum,
    _HERE / "maximum",
    rewrites=[maximum.MaximumRewrite()],
    scales=[maximum.MaximumScales()],
)
register(resize.ResizePhases, _HERE / "resize", rewrites=[resize.ResizeRewrite()], scales=[resize.ResizeScales()])
register(select.Select, _HERE / "select", rewrites=[select.SelectRewrite()], scales=[select.SelectScales()])
register(fork.Fork, _HERE / "fork", made=True)
