"""Patches: alignment of low and high resolution, repeatability, refusals."""

from pathlib import Path

import numpy as np
import pytest
import torch

from xnorsr.errors import UserError
from xnorsr.quant.config import DataConfig
from xnorsr.quant.data import PatchDataset, Photo, imresize, loader, modcrop, pairs, reduce, to_planes, to_uint8


def photos(seed: int = 0) -> list[Photo]:
    """Smooth random images of odd sizes."""
    rng = np.random.default_rng(seed)
    return [
        Photo(f"p{i}", to_uint8(imresize(rng.integers(0, 256, (9 + i, 12, 3)), 6)[: 53 + i, :61])) for i in range(3)
    ]


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("colors", ["rgb", "y"])
def test_every_patch_is_a_cut_of_one_pair(scale: int, colors: str) -> None:
    """Without augmentation the low patch is found in the reduced image, the high one at scale times its place."""
    source = photos()
    data = PatchDataset(source, DataConfig(patch=8, augment=False), scale, colors, 6, seed=5)
    low, high = data.batch_at(3)
    assert low.shape == (6, 3 if colors == "rgb" else 1, 8, 8) and high.shape[2:] == (8 * scale, 8 * scale)
    found = 0
    for a, b in zip((low * 256).numpy().astype(np.uint8), (high * 256).numpy().astype(np.uint8), strict=True):
        for photo in source:
            hr = to_planes(modcrop(photo.pixels, scale), colors)
            lr = reduce(hr, scale)
            for y in range(lr.shape[1] - 7):
                for x in range(lr.shape[2] - 7):
                    if np.array_equal(lr[:, y : y + 8, x : x + 8], a):
                        s = scale
                        assert np.array_equal(hr[:, y * s : (y + 8) * s, x * s : (x + 8) * s], b)
                        found += 1
    assert found == 6


def test_augmentation_turns_both_alike() -> None:
    """Mean brightness of each quarter is the same in both, whatever the turn; and turns do happen."""
    data = PatchDataset(photos(), DataConfig(patch=16), 2, "rgb", 32, seed=1)
    low, high = data.batch_at(0)
    pool = torch.nn.functional.adaptive_avg_pool2d
    assert torch.allclose(pool(low, 2), pool(high, 2), atol=0.03)
    plain = PatchDataset(photos(), DataConfig(patch=16, augment=False), 2, "rgb", 32, seed=1)
    assert not torch.equal(plain.batch_at(0)[0], low)


def test_batches_depend_on_seed_and_index_only() -> None:
    def make(first: int = 0, seed: int = 7) -> PatchDataset:
        return PatchDataset(photos(), DataConfig(patch=8), 2, "rgb", 4, seed, first)

    one = iter(loader(make(), 0))
    batches = [next(one)[0] for _ in range(4)]
    resumed = next(iter(loader(make(first=3), 0)))[0]
    assert torch.equal(batches[3], resumed)
    assert not torch.equal(batches[0], batches[1])
    assert not torch.equal(batches[0], make(seed=8).batch_at(0)[0])
    assert all(torch.equal((b * 256).round(), b * 256) for b in batches), "pixels are code / 256"


def test_workers_give_the_same_batches() -> None:
    data = PatchDataset(photos(), DataConfig(patch=8), 2, "rgb", 4, 7)
    many = iter(loader(data, 2))
    assert all(torch.equal(next(many)[1], data.batch_at(i)[1]) for i in range(3))


def test_too_small_an_image() -> None:
    with pytest.raises(UserError) as e:
        PatchDataset(photos(), DataConfig(patch=32), 2, "rgb", 4, 1)
    assert str(e.value) == (
        "image p0 of 61x53 pixels is smaller than a patch: data.patch 32 times model.scale 2 is 64; "
        "take it out or set a smaller data.patch"
    )


def test_planes_of_grey_and_colour() -> None:
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert to_planes(grey, "y").tolist() == [grey.tolist()]
    assert to_planes(grey, "rgb").shape == (3, 2, 3)
    white = np.full((2, 2, 3), 255, np.uint8)
    assert to_planes(white, "y").tolist() == [[[235, 235], [235, 235]]]


def test_reduced_images_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    first, second = (rng.integers(0, 256, (3, 12, 18), np.uint8) for _ in range(2))
    cache = tmp_path / "cache"
    wanted = {scale: pairs.reduce(first, scale) for scale in (2, 3)}
    for scale in (2, 3):
        assert np.array_equal(pairs.reduce_cached(first, scale, cache), wanted[scale])
    assert np.array_equal(pairs.reduce_cached(second, 2, cache), pairs.reduce(second, 2)), "another image"
    assert len(list(cache.iterdir())) == 3
    real, calls = pairs.reduce, []

    def counted(planes: np.ndarray, scale: int) -> np.ndarray:
        calls.append(scale)
        return real(planes, scale)

    monkeypatch.setattr(pairs, "reduce", counted)
    assert np.array_equal(pairs.reduce_cached(first, 3, cache), wanted[3]) and not calls
    for path in cache.iterdir():
        path.write_bytes(path.read_bytes()[:50])
    assert np.array_equal(pairs.reduce_cached(first, 3, cache), wanted[3]) and calls == [3], "damaged: made again"
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"^data\.cache .*file: cannot write there \(.*\); name another folder$"):
        pairs.reduce_cached(first, 2, tmp_path / "file")
