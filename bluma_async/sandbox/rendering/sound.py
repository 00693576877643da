"""A quiet soundtrack: four soft chords that repeat, so that players and programs find a sound in the file."""

from __future__ import annotations

import math
from array import array
from fractions import Fraction
from functools import lru_cache
from typing import Any, List, Sequence

import av

__all__ = ["Soundtrack"]

AV: Any = av  # PyAV has types for a part of its names only
RATE = 24_000  # samples a second, one channel
BIT_RATE = 32_000
LOUDNESS = 0.03  # of the loudest; about -30 dB
CHORDS: Sequence[Sequence[int]] = ((220, 260, 330), (175, 220, 260), (130, 195, 330), (195, 245, 295))  # Hz
CHORD_SECONDS = 4
PERIOD = RATE // 5  # samples after which each chord repeats, since its frequencies are multiples of 5 Hz


class Soundtrack:
    """Encodes the sound of one file, piece by piece, so that it stands beside the pictures of its time."""

    def __init__(self, container: Any) -> None:
        self._container = container
        self._stream: Any = container.add_stream("aac", rate=RATE, options={"aac_coder": "fast"})
        self._stream.codec_context.layout = "mono"
        self._stream.bit_rate = BIT_RATE
        self._seconds = 0

    def write(self, seconds: int) -> None:
        """Encode the sound up to a time in whole seconds."""
        while self._seconds < seconds:
            frame: Any = AV.AudioFrame(format="s16", layout="mono", samples=RATE)
            frame.sample_rate, frame.pts, frame.time_base = RATE, self._seconds * RATE, Fraction(1, RATE)
            plane = frame.planes[0]
            plane.update(_get_second(self._seconds % (CHORD_SECONDS * len(CHORDS))).ljust(plane.buffer_size, b"\0"))
            self._container.mux(self._stream.encode(frame))
            self._seconds += 1

    def finish(self) -> None:
        """Write what the encoder still holds."""
        self._container.mux(self._stream.encode(None))


@lru_cache(maxsize=CHORD_SECONDS * 4)
def _get_second(number: int) -> bytes:
    """Return a second of the sound as samples of 16 bits."""
    tone = _make_tone(number // CHORD_SECONDS)
    samples = array("h")
    for step in range(RATE // PERIOD):
        # The loudness changes where every tone of the chord passes zero, so no step is heard.
        share = (number % CHORD_SECONDS + step * PERIOD / RATE) / CHORD_SECONDS
        gain = 32767 * LOUDNESS * math.sin(math.pi * share)
        samples.extend([int(gain * value) for value in tone])
    return samples.tobytes()


@lru_cache(maxsize=4)
def _make_tone(chord: int) -> List[float]:
    """Return one period of a chord, between -1 and 1."""
    turns = [2 * math.pi * frequency / RATE for frequency in CHORDS[chord]]
    return [sum(math.sin(turn * index) for turn in turns) / len(turns) for index in range(PERIOD)]
