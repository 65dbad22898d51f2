"""What linters and the synthesizer's front end say of the library, and the messages of illegal parameters."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.hw import random_ops as ro
from xnorsr import tools
from xnorsr.hw.ops import operators
from xnorsr.hw.ops.base import Op
from xnorsr.hw.resources.yosys import run_script
from xnorsr.hw.rtl.emit import LIBRARY, library_folders
from xnorsr.hw.types import StreamType
from xnorsr.sim import verilate
from xnorsr.sim.benches.cases import STREAM_PORTS, Case, Stream
from xnorsr.sim.benches.op_cases import case_of, write_bench

pytestmark = pytest.mark.eda

#: Where modules are looked for.
SEARCH = [word for folder in library_folders() for word in ("-y", str(folder))]

# What the emitter puts between layers, and converters both ways
MOVERS: list[tuple[str, dict[str, object], int, int]] = [  # module, parameters, bits in, bits out
    ("xnorsr_fifo", {"Bits": 8, "Depth": 1}, 8, 8),
    ("xnorsr_fifo", {"Bits": 8, "Depth": 2}, 8, 8),
    ("xnorsr_fifo", {"Bits": 8, "Depth": 40}, 8, 8),
    ("xnorsr_fifo", {"Bits": 8, "Depth": 400, "Style": 1}, 8, 8),
    ("xnorsr_skid", {"Bits": 8}, 8, 8),
    ("xnorsr_gearbox", {"InChannels": 2, "OutChannels": 6, "Bits": 3}, 6, 18),
    ("xnorsr_gearbox", {"InChannels": 6, "OutChannels": 2, "Bits": 3}, 18, 6),
]


def _operators() -> dict[str, Op]:
    """Every kind of layer in every structure that parameters switch."""
    rng = np.random.default_rng(41)
    pixels = StreamType(4, 5, 3, 8, False, 0)
    bits = ro.bipolar_stream(rng, 4, (4, 5))
    ops: dict[str, Op] = {}
    for pe, simd, kernel in ((6, 36, 3), (2, 12, 3), (6, 9, 3), (2, 36, 3), (3, 2, 1)):
        for pad in (0, 1):
            conv = ro.make_conv(rng, bits, 6, kernel, binary=True, pe=pe, simd=simd, pad_value=pad)
            ops[f"binary{pe}_{simd}_{pad}"] = conv
        ops[f"fixed{pe}_{simd}"] = ro.make_conv(rng, bits, 6, kernel, binary=False, pe=pe, simd=simd)
    for pe, simd in ((4, 27), (2, 9), (4, 1)):
        ops[f"head{pe}_{simd}"] = ro.make_conv(rng, pixels, 4, 3, binary=False, pe=pe, simd=simd)
        ops[f"paired{pe}_{simd}"] = ro.make_conv(rng, pixels, 4, 3, binary=False, pe=pe, simd=simd, ends=(-127, 127))
        ops[f"planes{pe}_{simd}"] = ro.make_conv(rng, pixels, 4, 3, binary=True, pe=pe, simd=simd)
    for digit, kernel in ((1, 3), (3, 3), (8, 3), (3, 1)):
        conv = ro.make_conv(rng, pixels, 4, kernel, binary=False, pe=4, simd=3 * kernel**2)
        ops[f"digits{digit}_{kernel}"] = conv.replace(digit=digit)
    for n in range(12):
        ops[f"affine{n}"] = ro.make_affine(rng, ro.random_stream(rng, channels=4), pe=(0, 2, 1)[n % 3])
        ops[f"add{n}"] = ro.make_add(rng, (1, 1, 9)[n % 3])
    for n, levels in enumerate((1, 1, 3)):
        ops[f"threshold{n}"] = ro.make_threshold(rng, ro.random_stream(rng), levels)
    for r in (2, 3):
        ops[f"shuffle{r}"] = ro.make_shuffle(rng, r, "CRD")
        ops[f"nearest{r}"] = ro.make_resize(rng, r, "nearest")
        ops[f"bilinear{r}"] = ro.make_resize(rng, r, "bilinear")
    for name in ("Broadcast", "Concat", "Maximum", "PixelUnshuffle", "Pool", "Product", "Select", "Table"):
        ops |= {
            f"{name.lower()}{n}": operators()[name].op.random(rng).replace(logic_levels=2 + n % 3) for n in range(4)
        }
    return ops


def _everything(folder: Path) -> Path:
    """One top level with every operator and every module between them."""
    ops = _operators()
    rng = np.random.default_rng(42)
    cases = [case_of(name, op, rng, frames=1) for name, op in ops.items()]
    for module, parameters, bits_in, bits_out in MOVERS:
        cases.append(Case(module, module, parameters, STREAM_PORTS, [Stream(bits_in, [[]])], [Stream(bits_out, [[]])]))
    ports = {"data_i": "in0_data", "valid_i": "in0_valid", "ready_o": "in0_ready", "data_o": "out0_data"}
    ports |= {"valid_o": "{out1_valid, out0_valid}", "ready_i": "{out1_ready, out0_ready}"}
    fork = Case("fork", "xnorsr_fork", {"Bits": 4, "Outputs": 2}, ports, [Stream(4, [[]])], [Stream(4, [[]])] * 2)
    fork.extra = "  assign out1_data = out0_data;\n"
    return write_bench([*cases, fork], folder, ops=ops)


def test_verilator_lint(tmp_path: Path) -> None:
    verilate.lint("bench_top", [_everything(tmp_path / "bench")], args=[*SEARCH])


def test_video_lint(tmp_path: Path) -> None:
    for gbr in (0, 1):
        args = [*SEARCH, "-GWidth=6", "-GHeight=5", "-GBits=30", f"-GGbr={gbr}"]
        verilate.lint("xnorsr_video_out", [LIBRARY / "xnorsr_video_out.sv"], args=args)
        for counted in (0, 1):
            verilate.lint("xnorsr_video_in", [LIBRARY / "xnorsr_video_in.sv"], args=[*args, f"-GCounted={counted}"])


def test_yosys(tmp_path: Path) -> None:
    """No warning of the front end, no latch, no combinational loop, nothing undriven or driven twice."""
    source = _everything(tmp_path / "bench")
    log = run_script(
        [
            f"read_slang --top bench_top {' '.join(SEARCH)} --libext .sv {source.name}",
            "hierarchy -check -top bench_top",
            "proc",
            "select -assert-none t:$dlatch t:$adlatch t:$dlatchsr t:$sr",
            "select -clear",
            "flatten",
            "check -assert",
        ],
        source.parent,
        "check",
        timeout=300,
    )
    text = log.read_text()
    assert "Build succeeded: 0 errors, 0 warnings" in text
    assert "Found and reported 0 problems." in text


MVU = {
    "Width": 8, "Height": 8, "Channels": 4, "InBits": 1, "InSigned": 0, "Bipolar": 1, "Taps": 9, "PadValue": 0,
    "Outputs": 6, "Pe": 2, "Simd": 12, "OutBits": 8, "Weights": "216'h0", "Bias": "48'h0",
    "PopLatency": 1, "PopcountId": -1,
}  # fmt: skip
FIXED = {k: v for k, v in MVU.items() if not k.startswith(("Pop", "Width", "Height"))} | {
    "WeightBits": 1, "WeightMax": 1, "Shift": 0, "Chain": 0,
}  # fmt: skip
DIGITS = {
    "Channels": 4, "InBits": 2, "InSigned": 0, "Taps": 9, "Digit": 1, "Outputs": 6, "WeightBits": 1, "SumBits": 6,
    "SumLatency": 1, "OutBits": 8, "Weights": "216'h0", "Bias": "48'h0", "SumsId": -1,
}  # fmt: skip
AFFINE = {
    "Channels": 6, "Pe": 2, "InBits": 8, "InSigned": 1, "HasScale": 0, "ScaleBits": 1, "Scale": "6'h0", "HasBias": 0,
    "BiasBits": 1, "Bias": "6'h0", "HasMid": 0, "MidShift": 0, "MidDivisor": 1, "MidLo": 0, "MidHi": 0, "HasSlope": 0,
    "SlopeBits": 1, "SlopeFrac": 0, "Slope": "6'h0", "HasQuant": 1, "OutShift": 0, "OutDivisor": 1, "OutLo": 0,
    "OutHi": 1, "OutBits": 1, "LogicLevels": 3,
}  # fmt: skip
WINDOW = {"Width": 8, "Height": 8, "Bits": 8, "Kernel": 3}
COLLECT = {"Parts": 3, "PartBits": 3, "Copies": 2}
SHELL = {"Channels": 6, "Pe": 2, "InBits": 3, "OutBits": 4, "Stages": 5}
VIDEO = {"Width": 4, "Height": 3, "Bits": 24, "Gbr": 1}
VIDEO_IN = VIDEO | {"Counted": 0}
ILLEGAL: list[tuple[str, dict[str, object], dict[str, object], str]] = [
    ("window", WINDOW, {"Kernel": 4}, "Kernel = 4, must be odd and at most 9"),
    ("window", WINDOW, {"Kernel": 11}, "Kernel = 11, must be odd and at most 9"),
    ("window", WINDOW, {"Width": 0}, "Width = 0, Height = 8, Bits = 8, each must be at least 1"),
    ("fifo", {"Bits": 8, "Depth": 2}, {"Depth": 0}, "Bits = 8, Depth = 0, each must be at least 1"),
    (
        "fifo",
        {"Bits": 8, "Depth": 9, "Style": 1},
        {"Depth": 4},
        "Style = 1 must be 0 to 2, above 0 only with Depth = 4",
    ),
    ("fork", {"Bits": 8, "Outputs": 2}, {"Outputs": 1}, "Bits = 8 must be at least 1, Outputs = 1 at least 2"),
    ("skid", {"Bits": 8}, {"Bits": 0}, "Bits = 0, must be at least 1"),
    (
        "gearbox",
        {"InChannels": 2, "OutChannels": 4, "Bits": 1},
        {"OutChannels": 5},
        "InChannels = 2, OutChannels = 5, one must divide the other",
    ),
    ("copies", {"Copies": 2}, {"Copies": 0}, "Copies = 0, must be at least 1"),
    ("collect", COLLECT, {"Parts": 1}, "Parts = 1 must be at least 2, PartBits = 3 and Copies = 2 at least 1"),
    ("shell", SHELL, {"Pe": 4}, "Pe = 4 must divide Channels = 6"),
    ("shell", SHELL, {"Stages": 0}, "InBits = 3, OutBits = 4, Stages = 0, each must be at least 1"),
    ("mvu_binary", MVU, {"Pe": 4}, "Pe = 4 must divide Outputs = 6"),
    ("mvu_digits", DIGITS, {"Digit": 3}, "Digit = 3 must be 1 to InBits = 2"),
    ("mvu_digits", DIGITS, {"SumLatency": 0}, "SumBits = 6, SumLatency = 0, each must be at least 1"),
    ("mvu_binary", MVU, {"Simd": 8}, "Simd = 8 must divide Taps*Channels = 36"),
    ("mvu_binary", MVU, {"Bipolar": 0, "PadValue": 1}, "PadValue = 1 must be 0, or with Bipolar = 1 also 1 or -1"),
    ("mvu_binary", MVU, {"InBits": 2}, "Bipolar = 1 needs InBits = 1 and InSigned = 0, InBits = 2"),
    ("mvu_fixed", FIXED, {"Pe": 4}, "Pe = 4 must divide Outputs = 6"),
    ("mvu_fixed", FIXED, {"Simd": 5}, "Simd = 5 must divide Taps*Channels = 36"),
    ("mvu_fixed", FIXED, {"WeightMax": 2}, "WeightMax = 2 must be 1 to 2**(WeightBits-1), WeightBits = 1"),
    ("mvu_fixed", FIXED, {"Chain": 13}, "Chain = 13 must be at most Simd = 12"),
    (
        "mvu_fixed",
        FIXED,
        {"Chain": 8, "Shift": 4},
        "with Shift = 4 the sum of a chain's products, up to 8",
    ),
    ("affine", AFFINE, {"Pe": 4}, "Pe = 4 must divide Channels = 6"),
    ("affine", AFFINE, {"OutDivisor": 2}, "Divisor = 2 odd"),
    ("affine", AFFINE, {"LogicLevels": 1}, "LogicLevels = 1, must be at least 2"),
    ("affine", AFFINE, {"OutLo": 2}, "Lo = 2 is greater than Hi = 1"),
    ("video_in", VIDEO_IN, {"Height": 0}, "Width = 4, Height = 0, Bits = 24, each must be at least 1"),
    ("video_in", VIDEO_IN, {"Bits": 32}, "Bits = 32 must be divisible by 3 with Gbr = 1"),
    ("video_in", VIDEO_IN, {"Bits": 1}, "Bits = 1 must be divisible by 3 with Gbr = 1"),
    ("video_in", VIDEO_IN, {"DroppedBits": 1}, "DroppedBits = 1, must be at least 2"),
    ("video_out", VIDEO, {"Bits": 32}, "Bits = 32 must be divisible by 3 with Gbr = 1"),
    ("video_out", VIDEO, {"PixelsPerBeat": 3}, "PixelsPerBeat = 3 must divide Width = 4"),
]


@pytest.mark.parametrize(("module", "legal", "change", "message"), ILLEGAL)
def test_illegal_parameters(
    module: str, legal: dict[str, object], change: dict[str, object], message: str, tmp_path: Path
) -> None:
    def lint(parameters: dict[str, object]) -> None:
        text = ", ".join(f".{k}({v})" for k, v in parameters.items())
        source = tmp_path / "top.sv"
        source.write_text(f"module top; xnorsr_{module} #({text}) u_it (); endmodule\n")
        quiet = [f"-Wno-{w}" for w in ("PINMISSING", "UNDRIVEN", "DECLFILENAME", "ASCRANGE", "WIDTH", "SELRANGE")]
        verilate.lint("top", [source], args=[*SEARCH, *quiet])

    lint(legal)
    with pytest.raises(verilate.BenchError, match="USERFATAL") as error:
        lint(legal | change)
    assert message in str(error.value)
    assert "top.u_it" in str(error.value)


def test_unknown_parameter(tmp_path: Path) -> None:
    source = tmp_path / "top.sv"
    source.write_text("module top; xnorsr_skid #(.Bits(1), .Depth(2)) u_it (); endmodule\n")
    with pytest.raises(verilate.BenchError, match="Depth"):
        verilate.lint("top", [source], args=[*SEARCH, "-Wno-PINMISSING", "-Wno-DECLFILENAME"])


def test_missing_parameter(tmp_path: Path) -> None:
    """Parameters have no default: one that is forgotten is an error, not a silent guess."""
    source = tmp_path / "top.sv"
    source.write_text("module top; xnorsr_fifo #(.Bits(1)) u_it (); endmodule\n")
    with pytest.raises(verilate.BenchError, match="Depth"):
        verilate.lint("top", [source], args=[*SEARCH, "-Wno-PINMISSING", "-Wno-DECLFILENAME"])


def test_tools_start() -> None:
    assert subprocess.run([tools.verilator().path, "--version"], env=tools.verilator().environment()).returncode == 0
    assert subprocess.run([sys.executable, "-c", "import pyosys"]).returncode == 0
    assert tools.yosys().version >= tools.YOSYS_MIN
