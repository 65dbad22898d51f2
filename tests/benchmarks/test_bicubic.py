"""The bicubic benchmark prints every image, and holds Set5 against what papers print."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from benchmarks import bicubic
from xnorsr.quant.data import embedded_path, read_photo


def test_it_prints_and_knows_set5(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pixels = read_photo(embedded_path("coffee")).pixels
    for folder in ("photos", "Set5"):
        (tmp_path / folder).mkdir()
        for i in range(2):
            Image.fromarray(pixels[100:160, 100 + 60 * i : 160 + 60 * i]).save(tmp_path / folder / f"{i}.png")
    bicubic.main([str(tmp_path / "photos"), "--scales", "2", "4"])
    printed = capsys.readouterr().out
    assert "bicubic x2 on 2 images" in printed and "bicubic x4 on 2 images" in printed
    assert [line.split()[0] for line in printed.splitlines() if line[:1] in ("0", "1", "m")] == ["0", "1", "mean"] * 2
    with pytest.raises(AssertionError, match=r"bicubic x3 on Set5: .* dB, .*; papers have 30\.39, 0\.8682"):
        bicubic.main([str(tmp_path / "Set5"), "--scales", "3"])


@pytest.mark.parametrize(("scale", "psnr", "ssim"), [(2, 33.661, 0.9299), (3, 30.392, 0.8682), (4, 28.421, 0.8104)])
def test_what_is_near_enough(scale: int, psnr: float, ssim: float) -> None:
    bicubic.check(scale, psnr, ssim)
    for wrong in ((psnr + 0.03, ssim), (psnr, ssim - 0.001)):
        with pytest.raises(AssertionError):
            bicubic.check(scale, *wrong)


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bicubic.main([str(tmp_path / "none")])
    assert "does not exist; name another folder" in capsys.readouterr().err
