"""The commands with which Yosys maps an elaborated design onto a family's cells."""

from __future__ import annotations

import shutil
from pathlib import Path

#: What makes DSP48E2 slices of multipliers and of the registers and additions beside them; see its head.
DSP48E2 = Path(__file__).with_name("dsp48e2.v")

_WIDTHS = {
    "A_MAXWIDTH": 27, "B_MAXWIDTH": 18, "A_MAXWIDTH_PARTIAL": 18, "A_MINWIDTH": 2, "B_MINWIDTH": 2, "Y_MINWIDTH": 9,
    "SIGNEDONLY": 1, "NAME": "$__MUL27X18",
}  # fmt: skip


def commands(family: str, top: str, folder: Path) -> list[str]:
    """Commands of a Yosys script that runs in ``folder``, for a design whose top module is ``top``.

    `synth_xilinx` of Yosys 0.70 packs DSP48E1 slices (xc7). For xcu and xcup its step map_dsp is done here instead,
    with the same pass; the file that this takes is copied into the folder.
    """
    memory = " -uram" if family == "xcup" else ""
    whole = f"synth_xilinx -family {family} -top {top} -flatten -noiopad -noclkbuf{memory}"
    if family == "xc7":
        return [whole]
    shutil.copyfile(DSP48E2, folder / DSP48E2.name)
    widths = " ".join(f"-D DSP_{name}={value}" for name, value in _WIDTHS.items())
    return [
        f"{whole} -run begin:map_dsp",
        "memory_dff",
        "alumacc -macc-only",
        "maccmap -unmap",
        "opt_clean",
        f"techmap -map +/mul2dsp.v -map {DSP48E2.name} -D MULTIPLIERS {widths}",
        "select a:mul2dsp",
        "setattr -unset mul2dsp",
        "opt_expr -fine",
        "wreduce",
        "select -clear",
        "xilinx_dsp -family xc7",
        f"techmap -map {DSP48E2.name}",
        "chtype -set $mul t:$__soft_mul",
        f"{whole} -run coarse:",
    ]
