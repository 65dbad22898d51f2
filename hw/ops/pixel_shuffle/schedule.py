"""When a pixel shuffle takes and gives: the recurrence of xnorsr_pixel_shuffle."""

from __future__ import annotations

import numpy as np

from ...resources.arrival import NEVER, Flow, Times, paced


def shuffle(arrival: Times, width: int, factor: int, per_beat: int = 1) -> Flow:
    """A pixel shuffle (xnorsr_pixel_shuffle): a ring of words, each line of which is read ``factor`` times.

    A word is as many neighbouring pixels as a beat needs. The first output line follows the input while it arrives. A
    word's place is free again when the last of its output pixels has been read.

    Args:
        arrival: times of all input pixels.
        width: pixels of an input line.
        factor: r: each input line makes r output lines of r*width pixels, one beat per cycle.
        per_beat: output pixels of a beat.

    Returns:
        Times at which pixels are taken, and of the output's beats.
    """
    lanes, parts = max(per_beat // factor, 1), max(factor // per_beat, 1)  # pixels of a word, beats of a reading
    words = width // lanes
    beats = words * parts  # of an output line
    places = -(-2 * words * (factor - 1) // factor) + 4
    freed = np.full(arrival.size // lanes + places, NEVER, np.int64)  # freed[n]: cycle in which word n - places left
    accept: list[Times] = []
    out: list[Times] = []
    taken = read = NEVER
    for line in range(arrival.size // width):
        start, word = line * width, line * words
        # A line never waits for its own pixels: the ring is longer than a line.
        room = np.repeat(freed[word : word + words] + 1, lanes)
        push = paced(np.maximum(arrival[start : start + width], room), 1, taken)
        first = np.full(beats, NEVER, np.int64)
        first[::parts] = push[lanes - 1 :: lanes] + 1
        first = paced(first, 1, read)
        others = first[-1] + 1 + np.arange((factor - 1) * beats, dtype=np.int64)
        turns = np.concatenate((first, others))
        freed[places + word : places + word + words] = turns[-beats:][parts - 1 :: parts]
        accept.append(push)
        out.append(turns + 3)
        taken, read = int(push[-1]), int(turns[-1])
    return Flow(np.concatenate(accept), np.concatenate(out))
