"""Low- and high-resolution pairs: how images are reduced, and batches of random patches for training."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from ...errors import UserError
from ..config import DataConfig
from ..metrics import luma
from .bicubic import imresize, to_uint8
from .images import Photo

_CACHE_FORMAT = 1  # another one when `reduce` gives other pixels


def modcrop(pixels: np.ndarray, scale: int) -> np.ndarray:
    """Cuts rows and columns off at the end so that both are multiples of scale."""
    return pixels[: pixels.shape[0] // scale * scale, : pixels.shape[1] // scale * scale]


def to_planes(pixels: np.ndarray, colors: str) -> np.ndarray:
    """What a network of these colours reads: (C, H, W) uint8, C = 3 for "rgb", 1 for "y".

    Y is BT.601 luma rounded to 8 bits; a grey image is taken as Y directly, and as three equal channels for "rgb".
    """
    if colors == "y":
        return np.ascontiguousarray(to_uint8(luma(pixels))[None])
    rgb = np.repeat(pixels[..., None], 3, -1) if pixels.ndim == 2 else pixels
    return np.ascontiguousarray(np.moveaxis(rgb, -1, 0))


def reduce(planes: np.ndarray, scale: int) -> np.ndarray:
    """Bicubic reduction of (C, H, W) uint8, sizes multiples of scale, rounded to uint8."""
    return np.ascontiguousarray(to_uint8(np.stack([imresize(p, 1 / scale) for p in planes])))


def reduce_cached(planes: np.ndarray, scale: int, cache: Path | None) -> np.ndarray:
    """As `reduce`, from a file of `cache` where it has been reduced before; a file of another image is never taken.

    The file's name is the checksum of the image. One that cannot be read is made again.

    Raises:
        UserError: the folder cannot be written.
    """
    if cache is None:
        return reduce(planes, scale)
    key = hashlib.sha256(repr((_CACHE_FORMAT, scale, planes.shape)).encode() + planes.tobytes()).hexdigest()
    path = cache / f"{key[:32]}.npy"
    shape = (planes.shape[0], planes.shape[1] // scale, planes.shape[2] // scale)
    with contextlib.suppress(OSError, ValueError, EOFError):
        found = np.load(path)
        if found.shape == shape and found.dtype == np.uint8:
            return np.asarray(found)
    made, part = reduce(planes, scale), path.with_suffix(f".{os.getpid()}.part")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as f:
            np.save(f, made)
        os.replace(part, path)
    except OSError as e:
        raise UserError(f"data.cache {cache}: cannot write there ({e.strerror or e}); name another folder") from e
    return made


class PatchDataset(IterableDataset[tuple[Tensor, Tensor]]):
    """Endless batches of random patches: low (N, C, p, p) and high (N, C, r*p, r*p), float32 in [0, 1), code / 256.

    All pairs stay in memory as uint8. Batch i depends on (seed, i) only: a resumed training sees what it would have
    seen, whatever the number of loader processes.

    Args:
        first: the batch that iteration begins with.
        share: (i, n): iteration gives patches i, i + n, .. of each batch, for one of n processes that train together.

    Raises:
        UserError: an image is smaller than a patch.
    """

    def __init__(
        self,
        photos: Sequence[Photo],
        cfg: DataConfig,
        scale: int,
        colors: str,
        batch: int,
        seed: int,
        first: int = 0,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self.patch, self.scale, self.batch = cfg.patch, scale, batch
        self.augment, self.seed, self.first, self.share_of = cfg.augment, seed, first, share
        self.pairs: list[tuple[np.ndarray, np.ndarray]] = []
        for photo in photos:
            height, width = photo.pixels.shape[:2]
            if min(height, width) // scale < cfg.patch:
                raise UserError(
                    f"image {photo.name} of {width}x{height} pixels is smaller than a patch: data.patch {cfg.patch} "
                    f"times model.scale {scale} is {cfg.patch * scale}; take it out or set a smaller data.patch"
                )
            high = to_planes(modcrop(photo.pixels, scale), colors)
            self.pairs.append((reduce_cached(high, scale, cfg.cache), high))
        area = np.array([low[0].size for low, _ in self.pairs], np.float64)
        self.share = np.cumsum(area) / area.sum()

    def batch_at(self, index: int) -> tuple[Tensor, Tensor]:
        """Batch `index`."""
        rng = np.random.default_rng((self.seed, index))
        p, r = self.patch, self.scale
        channels = self.pairs[0][0].shape[0]
        low = np.empty((self.batch, channels, p, p), np.uint8)
        high = np.empty((self.batch, channels, p * r, p * r), np.uint8)
        for i, which in enumerate(np.searchsorted(self.share, rng.random(self.batch))):
            lr, hr = self.pairs[which]
            y, x = rng.integers(lr.shape[1] - p + 1), rng.integers(lr.shape[2] - p + 1)
            a, b = lr[:, y : y + p, x : x + p], hr[:, y * r : (y + p) * r, x * r : (x + p) * r]
            if self.augment:
                turns, flip = int(rng.integers(4)), rng.integers(2)
                a, b = (np.rot90(v, turns, (1, 2)) for v in (a, b))
                a, b = (v[:, :, ::-1] if flip else v for v in (a, b))
            low[i], high[i] = a, b
        # NumPy, not torch: so small a conversion only waits for torch's threads.
        scale = np.float32(1 / 256)
        return torch.from_numpy(low.astype(np.float32) * scale), torch.from_numpy(high.astype(np.float32) * scale)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        info = get_worker_info()
        index, step = (self.first, 1) if info is None else (self.first + info.id, info.num_workers)
        while True:
            at, of = self.share_of
            low, high = self.batch_at(index)
            yield (low, high) if of == 1 else (low[at::of].contiguous(), high[at::of].contiguous())
            index += step


def loader(dataset: PatchDataset, workers: int) -> DataLoader[tuple[Tensor, Tensor]]:
    """A loader of whole batches, in order."""
    return DataLoader(dataset, batch_size=None, num_workers=workers)
