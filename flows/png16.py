"""PNG files of 16 bits per channel, grey or RGB, as codes: Pillow reads those of three channels as 8 bits."""

from __future__ import annotations

import struct
import zlib

import numpy as np

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3}  # by PNG's colour type: grey, RGB
MAX_PIXELS = 1 << 26


def is_png16(data: bytes) -> bool:
    """Whether a file begins as a PNG of 16 bits per channel."""
    return data.startswith(_SIGNATURE) and len(data) > 25 and data[24] == 16


def encode(codes: np.ndarray) -> bytes:
    """The file of codes (H, W, C) of 0 to 65535, C = 1 or 3; they are stored as they are, whatever their bits."""
    height, width, channels = codes.shape
    lines = np.zeros((height, 1 + 2 * width * channels), np.uint8)  # the first byte of a line: no filter
    lines[:, 1:] = np.ascontiguousarray(codes.astype(">u2")).view(np.uint8).reshape(height, -1)
    head = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 3: 2}[channels], 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 6)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def decode(data: bytes) -> np.ndarray:
    """Codes (H, W, C) int64 of a file.

    Raises:
        ValueError: it is damaged, too large, interlaced, or of other channels than grey or RGB.
    """
    head, packed = _chunks(data)
    width, height, _, colour, _, _, interlaced = struct.unpack(">IIBBBBB", head)
    if colour not in _CHANNELS:
        raise ValueError("it is neither grey nor RGB; remove alpha channel and palette")
    if interlaced:
        raise ValueError("it is interlaced; store it without")
    if not 0 < width * height <= MAX_PIXELS:
        raise ValueError(f"it has {width} x {height} pixels; allowed are {MAX_PIXELS:,}")
    step = 2 * _CHANNELS[colour]
    size = height * (1 + step * width)
    unpack = zlib.decompressobj()
    try:
        raw = unpack.decompress(packed, size)  # no more, however much a hostile file would unpack to
    except zlib.error as e:
        raise ValueError(str(e)) from e
    if len(raw) != size:
        raise ValueError("it is cut short")
    lines = np.frombuffer(raw, np.uint8).reshape(height, -1)
    pixels = np.zeros((height + 1, step * width), np.uint8)
    for number, line in enumerate(lines):
        pixels[number + 1] = _unfiltered(int(line[0]), line[1:], pixels[number], step)
    return pixels[1:].reshape(height, width, -1, 2).astype(np.int64) @ np.array([256, 1])


def _chunks(data: bytes) -> tuple[bytes, bytes]:
    """(header, packed pixels)."""
    at, head, packed, ended = len(_SIGNATURE), b"", [], False
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if len(body) != length or data[at + 8 + length : at + 12 + length] != struct.pack(
            ">I", zlib.crc32(kind + body)
        ):
            raise ValueError("a part of it is damaged")
        head = body if kind == b"IHDR" else head
        if kind == b"IDAT":
            packed.append(body)
        ended = ended or kind == b"IEND"
        at += 12 + length
    if len(head) != 13 or not ended:
        raise ValueError("it is cut short")
    return head, b"".join(packed)


def _unfiltered(kind: int, line: np.ndarray, above: np.ndarray, step: int) -> np.ndarray:
    """A line's bytes from their differences to the bytes at the left and above (PNG's five filters)."""
    if kind == 0:
        return line
    if kind == 2:
        return line + above
    if kind == 1:
        return line.reshape(-1, step).cumsum(0, dtype=np.uint8).reshape(-1)
    if kind not in (3, 4):
        raise ValueError(f"a line has the unknown filter {kind}")
    out, up = [0] * step + line.tolist(), [0] * step + above.tolist()
    for i in range(step, len(out)):
        left, high, corner = out[i - step], up[i], up[i - step]
        guess = (left + high) // 2 if kind == 3 else _paeth(left, high, corner)
        out[i] = (out[i] + guess) & 255
    return np.array(out[step:], np.uint8)


def _paeth(left: int, above: int, corner: int) -> int:
    away = abs(above - corner), abs(left - corner), abs(left + above - 2 * corner)
    if away[0] <= away[1] and away[0] <= away[2]:
        return left
    return above if away[1] <= away[2] else corner
