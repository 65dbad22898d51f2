"""xnorsr_window: every kernel, frames of every small size, smaller than the kernel included."""

from pathlib import Path

import numpy as np
import pytest

from xnorsr.sim.benches.cases import STREAM_PORTS, Case, Stream, pack
from xnorsr.sim.benches.op_cases import run_cases

# Sizes: one pixel, one line, one column, smaller than the kernel in one or both directions, odd, even, a wider one.
SIZES = [(1, 1), (1, 6), (5, 1), (2, 3), (3, 2), (4, 4), (5, 7), (3, 17)]


def _case(kernel: int, height: int, width: int, rng: np.random.Generator) -> Case:
    bits, half, frames = int(rng.integers(1, 9 if kernel < 5 else 3)), kernel // 2, 3 if kernel < 5 else 2
    images = rng.integers(0, 1 << bits, (frames, height, width))
    inside = np.pad(np.ones((height, width), int), half)
    words, masks = [], []
    for image in images:
        padded = np.pad(image, half)
        places = [(y, x) for y in range(height) for x in range(width)]
        taps = [inside[y : y + kernel, x : x + kernel].ravel() for y, x in places]
        data = [padded[y : y + kernel, x : x + kernel].ravel() for y, x in places]
        size = kernel * kernel
        words.append([pack(d, bits) | pack(t, 1) << size * bits for d, t in zip(data, taps, strict=True)])
        masks.append([pack(t * ((1 << bits) - 1), bits) | ((1 << size) - 1) << size * bits for t in taps])
    return Case(
        name=f"K={kernel} {height}x{width}",
        module="xnorsr_window",
        parameters={"Width": width, "Height": height, "Bits": bits, "Kernel": kernel},
        ports={
            **STREAM_PORTS,
            "data_o": f"out0_data[{kernel**2 * bits - 1}:0]",
            "taps_o": f"out0_data[{kernel**2 * (bits + 1) - 1}:{kernel**2 * bits}]",
        },
        inputs=[Stream(bits, [image.ravel().tolist() for image in images])],
        outputs=[Stream(kernel**2 * (bits + 1), words, masks)],
        latency=half * (width + 1) + (kernel > 1),
        interval=1,
    )


@pytest.mark.eda
@pytest.mark.parametrize("kernels", [(1, 3), (5, 7, 9)], ids=["small", "large"])
def test_window(kernels: tuple[int, ...], tmp_path: Path) -> None:
    seed = 20 + kernels[0]
    rng = np.random.default_rng(seed)
    run_cases([_case(k, *size, rng) for k in kernels for size in SIZES], tmp_path / "bench", seed)
