"""The table of FPGA parts."""

from __future__ import annotations

import pytest

from xnorsr.errors import UserError
from xnorsr.hw.resources.devices import check_part, device, devices, vendor_part


def test_every_row_is_whole() -> None:
    """Counts are positive, families are those of Yosys, sources are named, boards are unique."""
    table = devices()
    assert {part.family for part in table.values()} == {"xc7", "xcu", "xcup"}
    for part in table.values():
        assert min(part.lut, part.ff, part.bram36, part.dsp) > 0
        assert part.uram == 0 or part.family == "xcup"  # UltraRAM came with UltraScale+
        assert part.ff == 2 * part.lut  # all of these families have two flip-flops per LUT
        assert part.source.startswith("DS")
    boards = [b for part in table.values() for b in part.boards]
    assert len(boards) == len(set(boards)) and not set(boards) & set(table)


@pytest.mark.parametrize(
    ("name", "part"),
    [("xck26", "xck26"), ("KV260", "xck26"), ("xc7z020clg400-1", "xc7z020"), ("xczu7ev-ffvc1156-2-e", "xczu7ev")],
)
def test_a_part_goes_by_several_names(name: str, part: str) -> None:
    assert device(name).part == part


def test_scripts_name_parts_as_the_vendor_does() -> None:
    """With package and speed grade: each name of the table is one that its own part goes by, on every board."""
    for part in devices().values():
        names = [part.full, *(name for board, name in part.boards.items() if board != "u250")]
        assert all(name.startswith(part.part) and device(name) == part for name in names)
        assert vendor_part(part.part) == part.full != part.part
        assert {board: vendor_part(board.upper()) for board in part.boards} == part.boards
    assert vendor_part("u250") == "xcu250-figd2104-2L-e"  # Alveo's have names of their own
    for name in ("xczu7ev-fbvb900-1-i", "xcve2802-vsvh1760-2MP-e-S"):
        assert vendor_part(check_part(name)) == name


def test_unknown_part_names_close_ones() -> None:
    with pytest.raises(UserError, match=r"unknown part or board 'xc7z030': did you mean .*xc7z020"):
        device("xc7z030")
    with pytest.raises(UserError, match=r"known parts: xc7z010, xc7z020"):
        device("?")


def test_figures_of_the_data_sheets() -> None:
    """DS987 (K26) and DS190 (Zynq-7000), by hand."""
    k26, z20 = device("xck26"), device("xc7z020")
    assert (k26.lut, k26.ff, k26.bram36, k26.uram, k26.dsp) == (117_120, 234_240, 144, 64, 1_248)
    assert (z20.lut, z20.ff, z20.bram36, z20.uram, z20.dsp) == (53_200, 106_400, 140, 0, 220)
