"""Reading images: what is refused, with which words."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xnorsr.errors import UserError
from xnorsr.quant.config import DataConfig
from xnorsr.quant.data import embedded_path, load_source, read_folder, read_photo

RNG = np.random.default_rng(0)


def write(path: Path, height: int = 40, width: int = 50, mode: str = "RGB") -> Path:
    """Writes a noisy image of a mode that Pillow can save."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    shape = (height, width, bands) if bands > 1 else (height, width)
    Image.frombytes(mode, (width, height), RNG.integers(0, 256, shape, dtype=np.uint8).tobytes()).save(path)
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp", ".jpg"])
def test_formats(tmp_path: Path, suffix: str) -> None:
    photo = read_photo(write(tmp_path / f"a{suffix}"))
    assert (photo.name, photo.pixels.shape, photo.pixels.dtype) == ("a", (40, 50, 3), np.uint8)


def test_folder_is_sorted_and_ignores_other_files(tmp_path: Path) -> None:
    for name in ("b.png", "a.PNG", "c.bmp"):
        write(tmp_path / name)
    (tmp_path / "README.txt").write_text("no image")
    assert [p.name for p in read_folder(tmp_path)] == ["a", "b", "c"]


def refused(call: object, *args: object) -> str:
    """Text of the UserError that a call raises."""
    with pytest.raises(UserError) as e:
        call(*args)  # type: ignore[operator]
    return str(e.value)


def test_missing_and_empty(tmp_path: Path) -> None:
    missing = tmp_path / "no"
    assert refused(read_photo, missing) == f"image {missing} does not exist; name another file"
    assert refused(read_folder, missing) == f"image folder {missing} does not exist; name another folder"
    supported = ".png, .jpg, .jpeg, .bmp, .webp"
    assert refused(read_folder, tmp_path) == (
        f"image folder {tmp_path} holds no image; supported are {supported}; name another folder"
    )


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp"])
@pytest.mark.parametrize("keep", [0, 20, 500])
def test_damaged(tmp_path: Path, suffix: str, keep: int) -> None:
    path = write(tmp_path / f"a{suffix}")
    path.write_bytes(path.read_bytes()[:keep])
    assert refused(read_photo, path).startswith(f"image {path} cannot be read, it is damaged or no image: ")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "CMYK", "P"])
def test_other_modes(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    Image.new(mode, (20, 20)).save(path)
    how = "(or 8-bit grey for luminance networks)"
    if "A" in mode:
        how = "over a background, as it has an alpha channel"
    assert refused(read_photo, path) == f"image {path} is of mode {mode}; convert it to 8-bit RGB {how}"


def test_16_bit_grey_and_rgb(tmp_path: Path) -> None:
    """Pillow reads 16-bit RGB PNG as 8 bits silently: the file here is written by hand."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    for colour_type, channels in ((0, 1), (2, 3)):
        path = tmp_path / f"{colour_type}.png"
        rows = (b"\0" + bytes(4 * channels * 2)) * 4
        header = struct.pack(">IIBBBBB", 4, 4, 16, colour_type, 0, 0, 0)
        path.write_bytes(
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
        )
        assert refused(read_photo, path) == f"image {path} has 16 bits per channel; convert it to 8-bit RGB"


def test_embedded_split() -> None:
    train, held = load_source(DataConfig())
    assert sorted(p.name for p in held) == ["astronaut", "coffee"]
    assert sorted(p.name for p in train) == ["chelsea", "china", "flower", "motorcycle_left", "rocket"]
    train, held = load_source(DataConfig(holdout=["flower"]))
    assert [p.name for p in held] == ["flower"] and len(train) == 6


def test_unknown_embedded_name() -> None:
    assert refused(embedded_path, "lena").startswith("no embedded photograph is called lena; name one of astronaut, ")


def test_folders_holdout_and_grey(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    write(one / "a.png"), write(two / "b.png"), write(two / "g.png", mode="L")
    cfg = DataConfig(source=[one, two], holdout=["b"])
    assert refused(load_source, cfg, "rgb") == (
        "image g is grey, model.colors is rgb: take it out, or set model.colors to y"
    )
    train, held = load_source(cfg, "y")
    assert [p.name for p in train] == ["a", "g"] and [p.name for p in held] == ["b"] and train[1].grey
    assert refused(load_source, DataConfig(source=[one, two], holdout=["bb"])) == (
        "data.holdout names bb, which data.source does not hold. Did you mean 'b'? Names are those of the files, "
        "without suffix."
    )
    assert refused(load_source, DataConfig(source=one, holdout=["a"])) == (
        "data.holdout names every image of data.source: none is left to train on; name fewer"
    )
