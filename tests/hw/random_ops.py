"""Random operators with chosen shapes, for tests that name one."""

from xnorsr.hw.ops.add.random import make_add
from xnorsr.hw.ops.affine.random import make_affine
from xnorsr.hw.ops.conv.random import make_conv
from xnorsr.hw.ops.pixel_shuffle.random import make_shuffle
from xnorsr.hw.ops.random import bipolar_stream, random_requant, random_stream
from xnorsr.hw.ops.resize.random import make_resize
from xnorsr.hw.ops.threshold.random import make_threshold

__all__ = [
    "bipolar_stream", "make_add", "make_affine", "make_conv", "make_resize", "make_shuffle", "make_threshold",
    "random_requant", "random_stream",
]  # fmt: skip
