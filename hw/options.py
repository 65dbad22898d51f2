"""How a network is turned into hardware: the one typed configuration of a build.

It is a recipe's section [hardware], what build.json records, and where the command line takes its options from: a new
option is a field here and nothing else.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StringConstraints, field_validator

from .resources.devices import check_part

Colors = Literal["gbr", "rgb"]
FrameSync = Literal["tuser", "counted"]
HlsPorts = Literal["words", "video"]
HlsControl = Literal["handshake", "none"]
Pooling = Literal["frame", "previous"]

#: Low-resolution pixels of a frame; 3840x2160 are fewer.
MAX_PIXELS, MAX_SIDE = 1 << 23, 1 << 14

# Strict: true is no number, and "3" and 3.0 are no integers.
Whole = Annotated[StrictInt, Field(ge=1, le=1 << 31)]
_RATE = r"^(0*[1-9][0-9]{0,11}(\.[0-9]{1,12})?|0+\.[0-9]{0,12}[1-9])\s*fps$"
Fps = Annotated[str, StringConstraints(pattern=_RATE)]
Named = Literal["auto", "port", "full", "min"]
Layer = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Unroll: TypeAlias = Literal["auto", "never", "all"] | list[Layer]
Folding: TypeAlias = Whole | Named | Fps | dict[str, tuple[Whole, Whole] | dict[str, Whole]]


def parse_scale(value: object) -> float:
    """A scale: a positive number, or a quotient of two as text, "1/255".

    Raises:
        ValueError: something else.
    """
    text = str(value).strip() if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""
    parts = text.split("/")
    try:
        scale = float(parts[0]) / float(parts[1]) if len(parts) == 2 else float(text)
    except (ValueError, ZeroDivisionError, IndexError):
        scale = 0.0
    if not 2.0**-32 <= scale <= 2.0**32:
        raise ValueError("allowed is a positive number or a quotient of two, such as 1/255")
    return scale


Scale: TypeAlias = Annotated[float, BeforeValidator(parse_scale)]


def _option(
    default: Any, description: str, *, flag: str | None = None, metavar: str | None = None, **limits: Any
) -> Any:
    """A field, with what its command-line option is called (left out: as the field) and shows."""
    return Field(default, description=description, json_schema_extra={"flag": flag, "metavar": metavar}, **limits)


def check_frame(frame: tuple[int, int]) -> tuple[int, int]:
    """A frame, (width, height), that is not empty and not too large to be held in memory.

    Raises:
        ValueError: it is; names the limit.
    """
    width, height = frame
    if min(frame) < 1:
        raise ValueError("width and height must be at least 1")
    if max(frame) > MAX_SIDE or width * height > MAX_PIXELS:
        raise ValueError(f"a frame has at most {MAX_PIXELS:,} low-resolution pixels, and {MAX_SIDE:,} on a side")
    return frame


class BuildOptions(BaseModel):
    """Options of a build."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    frame: tuple[StrictInt, StrictInt] | None = _option(
        None,
        "low-resolution frame, [width, height] in pixels; left out: the file's, or the photograph's",
        metavar="WxH",
    )
    part: str = _option("xck26-sfvc784-2LV-c", "FPGA part, as the vendor names it, or a board")
    clock_mhz: float = _option(
        200.0,
        "clock in MHz that is asked for, 0.1 to 2000",
        flag="clock",
        metavar="MHZ",
        ge=0.1,
        le=2000,
        allow_inf_nan=False,
        strict=True,
    )
    folding: Folding = _option(
        "auto",
        'cycles per low-resolution pixel, frames per second as "60fps", "auto" (60 of them of this frame at this '
        'clock, or as many as are within reach), "port" (as fast as the output port takes pixels), "full" (everything '
        'in one cycle), "min" (least hardware), or a table {layer = [pe, simd]}',
    )
    unroll: Unroll = _option(
        "auto",
        "layers that the SystemVerilog project builds with constant weights where HLS folds: binary ones in one cycle, "
        'others without DSP slices, some bits of each activation per cycle; "auto" (those that cost less so by the '
        "account, and of those with DSP slices as many as leave half of the part's slices free), "
        '"never", "all", or a list of layers',
        metavar="WHICH",
    )
    pixels_per_beat: int = _option(
        1,
        "neighbouring output pixels per beat of the SystemVerilog output port: a divisor of the scale or a multiple "
        "of it; scale*scale of them keep up with one low-resolution pixel per cycle",
        metavar="N",
        ge=1,
        strict=True,
    )
    port_colors: Colors | None = _option(
        None,
        'order of the colours in a pixel of the video ports, from the low bits on: "gbr", as AMD\'s AXI4-Stream video '
        '(UG934) has RGB, or "rgb", channel 0 first; left out: gbr at ports with 3 channels of 8 to 16 unsigned bits, '
        "channel 0 first at all others",
        metavar="ORDER",
    )
    frame_sync: FrameSync = _option(
        "tuser",
        'how the SystemVerilog input port finds the first pixel of a frame: "tuser", which marks it, or "counted": the '
        "first pixel after reset, then every so many, for sources without tuser, such as a DMA",
        metavar="HOW",
    )
    input_scale: Scale | None = _option(
        None,
        "for a network that does not quantize its input: 8-bit codes times this scale become the input, for example "
        '"1/255"',
        metavar="SCALE",
    )
    hls_ports: HlsPorts = _option(
        "words",
        'ports of the HLS project: "words", pixels without tuser and tlast, or "video", as those of the SystemVerilog '
        "project",
        metavar="PORTS",
    )
    hls_control: HlsControl = _option(
        "handshake",
        'how the HLS project is started: "handshake", once for each frame, or "none": it runs by itself (ap_ctrl_none)',
        metavar="HOW",
    )
    pooling: Pooling | None = _option(
        None,
        'whose mean or sum over the frame a frame uses: "frame", its own, for which it waits in a FIFO, or "previous", '
        "that of the frame before, as video pipelines do for exposure: nothing waits, and what is kept from frame to "
        "frame is part of model.onnx; left out: frame, previous for a file that keeps it so",
        metavar="WHOSE",
    )
    affine_bits: int | None = _option(
        None,
        "quantize float scales and slopes that stay multiplications to this many bits, 2 to 16, which changes values; "
        "left out: refuse them",
        metavar="BITS",
        ge=2,
        le=16,
        strict=True,
    )

    @field_validator("frame")
    @classmethod
    def _frame(cls, frame: tuple[int, int] | None) -> tuple[int, int] | None:
        return frame if frame is None else check_frame(frame)

    @field_validator("part")
    @classmethod
    def _part(cls, part: str) -> str:
        return check_part(part)

    def record(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return self.model_dump(mode="json")
