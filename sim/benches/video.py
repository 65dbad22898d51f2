"""AXI4-Stream video, right and wrong, and the model of what xnorsr_video_in makes of it. No cocotb here."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LINE, FRAME = 1, 2  # error codes: {err_frame_o, err_line_o}


class Beat(NamedTuple):
    """One beat: a pixel's word, start of frame, end of line."""

    pixel: int
    user: bool
    last: bool


class Receiver:
    """What the header of xnorsr_video_in says, told frame by frame.

    Attributes:
        pixels: what the core behind sees, whole frames, each once it has ended.
        errors: `LINE` and `FRAME` in the order of their pulses.
        dropped: beats that were taken and thrown away.
    """

    def __init__(self, height: int, width: int, counted: bool = False) -> None:
        self.size, self.width, self.counted = height * width, width, counted
        self.frame: list[int] | None = None  # None: between frames
        self.surplus = False  # the rest of a long line is being dropped
        self.told = True  # pixels outside a frame are no (further) error
        self.pixels: list[int] = []
        self.errors: list[int] = []
        self.dropped = 0

    def take(self, beat: Beat) -> None:
        """Look at the next beat."""
        if self.counted:
            self._count(beat)
        else:
            self._mark(beat)

    def _count(self, beat: Beat) -> None:
        self.frame = [*(self.frame or []), beat.pixel]
        wrong = len(self.frame) % self.width != 0 if beat.last else len(self.frame) == self.size
        self.errors += [LINE] * wrong
        if len(self.frame) == self.size:
            self._end()

    def _mark(self, beat: Beat) -> None:
        if beat.user:
            if self.frame is not None:
                self.errors.append(FRAME)
                self._end()
            self.frame, self.surplus = [], False
        elif self.surplus:
            self.surplus = not beat.last
            self.dropped += 1
            return
        elif self.frame is None:
            self.errors += [] if self.told else [FRAME]
            self.told = True
            self.dropped += 1
            return
        assert self.frame is not None
        self.frame.append(beat.pixel)
        full = len(self.frame) % self.width == 0
        if beat.last != full:
            self.errors.append(LINE)
            self.surplus = full
            self.frame += [0] * (-len(self.frame) % self.width)
        if len(self.frame) == self.size:
            self._end()

    def _end(self) -> None:
        assert self.frame is not None
        self.pixels += self.frame + [0] * (self.size - len(self.frame))
        self.frame, self.told = None, False


def good_frame(height: int, width: int, bits: int, rng: np.random.Generator) -> list[Beat]:
    """A frame of random pixels, none of them zero."""
    pixels = rng.integers(1, 1 << bits, height * width).tolist()
    return [Beat(p, n == 0, n % width == width - 1) for n, p in enumerate(pixels)]


def wrong_line(length: int, bits: int, rng: np.random.Generator) -> list[Beat]:
    """So many beats with any marks, the last one with the end of a line."""
    pixels = rng.integers(1, 1 << bits, length).tolist()
    return [Beat(p, False, n == length - 1 or bool(rng.integers(2))) for n, p in enumerate(pixels)]


def wrong_frame(height: int, width: int, bits: int, rng: np.random.Generator) -> list[Beat]:
    """A frame with one to three faults."""
    beats = good_frame(height, width, bits, rng)
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(len(beats)))
        beat = beats[at]
        match int(rng.integers(7)):
            case 0:  # short line, or two lines in one
                beats[at] = beat._replace(last=not beat.last)
            case 1:  # pixels lost
                del beats[at : at + int(rng.integers(1, 4))]
            case 2:  # long line
                beats[at:at] = [Beat(int(p), False, False) for p in rng.integers(1, 1 << bits, rng.integers(1, 6))]
            case 3:  # no start of frame
                beats[0] = beats[0]._replace(user=False)
            case 4:  # cut off
                del beats[at + 1 :]
            case 5:  # lines too many
                beats += [b._replace(user=False) for b in good_frame(2, width, bits, rng)]
            case 6:  # start of frame in the middle
                beats[at] = beat._replace(user=True)
        beats = beats or good_frame(height, width, bits, rng)
    return beats
