"""The age that is read on each frame of a clip, and how much it changes over time, in the plate and in the beauty."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from vfxage.face.detect import FaceFinder
from vfxage.geometry import invert, map_points, warp_to_crop
from vfxage.lab.evaluate.faces import find_again
from vfxage.lab.evaluate.knowledge import LARGEST_YAW
from vfxage.lab.evaluate.learn import TrainedReader
from vfxage.lab.evaluate.skin_tone import skin_tone
from vfxage.types import F32, F64, FaceCrop, Window

_SIDE = 512
"""Side of the crops that the age reader has learned from, pixels."""
_FEWEST = 8
"""Frames that a deviation needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeTrace:
    """The readings of one picture over time."""

    mean: float
    """Years."""
    deviation: float
    """Standard deviation, years: T-Age in the sense of Muqeet et al. 2023."""
    step: float
    """Largest difference between one frame and the next, years."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeOverTime:
    """The readings of plate and beauty of one face; None if the reader gives no age."""

    plate: AgeTrace | None
    beauty: AgeTrace | None
    read: int
    """Frames on which both are read."""
    error: float | None
    """Mean absolute error of the reader on portraits of about the age asked for, years."""
    why: str
    """Why there is no reading: a clause; empty if there is one."""


class AgeTimeline:
    """Reads a face frame by frame. The people of the portraits must not include this face."""

    def __init__(self, learned: TrainedReader | None, finder: FaceFinder | None) -> None:
        """Without a reader, there are no ages."""
        self._learned, self._finder = learned, finder
        self._plate: dict[int, float] = {}
        self._beauty: dict[int, float] = {}
        self._reasons: Counter[str] = Counter()
        self._target = 0.0

    def add(self, number: int, crop: FaceCrop, beauty: F32, yaw: float) -> None:
        """Read a frame: the plate's crop and the beauty (S, S, 3) in the same crop; ``yaw`` of the head is in
        degrees."""
        if self._learned is None or self._finder is None:
            return
        why_silent = "the face is turned too far" if abs(yaw) > LARGEST_YAW else self._why_silent(crop)
        if why_silent:
            self._reasons[why_silent] += 1
            return
        self._target = crop.ages[1]
        for pictures, readings in ((crop.rgb, self._plate), (beauty, self._beauty)):
            rgb, points = _framed(pictures, crop.points)
            mesh = find_again(self._finder, rgb, points)
            readings[number] = self._learned.reader.read_stranger(self._learned.features.read(rgb, mesh))

    def _why_silent(self, crop: FaceCrop) -> str:
        assert self._learned is not None
        tone = skin_tone(crop)
        ages = (self._learned.reader.knowledge.why_silent(age, tone) for age in crop.ages)
        return next((why_silent for why_silent in ages if why_silent), "")

    def result(self) -> AgeOverTime:
        """The readings so far; no age if too few frames were read."""
        why = ""
        if self._learned is None:
            why = "there is no age reader: name --portraits to learn one"
        elif len(self._plate) < _FEWEST:
            why_silent = self._reasons.most_common(1)
            why = why_silent[0][0] if why_silent else f"the face is on fewer than {_FEWEST} frames"
        silent = bool(why) or self._learned is None
        return AgeOverTime(
            plate=None if silent else _trace(self._plate),
            beauty=None if silent else _trace(self._beauty),
            read=len(self._plate),
            error=None if silent or self._learned is None else self._learned.error_near(self._target),
            why=why,
        )


def _framed(rgb: F32, points: F32) -> tuple[F32, F32]:
    """The picture and its mesh at the size that the reader has learned from."""
    size = rgb.shape[0]
    if size == _SIDE:
        return rgb, points
    to_frame: F64 = np.array([[size / _SIDE, 0, 0], [0, size / _SIDE, 0]])
    framed = np.clip(warp_to_crop(rgb, Window(0, 0, size, size), to_frame, _SIDE), 0, 1)
    return framed, np.asarray(map_points(points, invert(to_frame)), np.float32)


def _trace(readings: dict[int, float]) -> AgeTrace:
    ages = np.array(list(readings.values()))
    steps = [abs(age - readings[number - 1]) for number, age in readings.items() if number - 1 in readings]
    return AgeTrace(mean=float(ages.mean()), deviation=float(ages.std()), step=max(steps, default=0.0))
