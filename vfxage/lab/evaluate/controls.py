"""Controls: how much the age reading moves when a picture changes without ageing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vfxage.lab.evaluate.faces import Subject, cut_subject, find_again, spread
from vfxage.lab.evaluate.rows import Judges
from vfxage.types import F32, Framing

_PEOPLE = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One change made to unaged portraits."""

    name: str
    moved: float
    """Mean years by which the reading moved."""
    least: float
    """10th percentile."""
    most: float
    """90th percentile."""


def read_controls(subjects: Sequence[Subject], judges: Judges) -> list[Control]:
    """Read portraits before and after each change."""
    people = spread(subjects, _PEOPLE)
    moved: dict[str, list[float]] = {name: [] for name in _CHANGES}
    for subject in people:
        crop = cut_subject(subject, Framing(name="ffhq"), 512)
        points = find_again(judges.finder, crop.rgb, crop.points)
        own = judges.read(subject, crop.rgb, points)
        for name, change in _CHANGES.items():
            rgb = np.clip(change(crop.rgb), 0.0, 1.0).astype(np.float32)
            moved[name].append(judges.read(subject, rgb, find_again(judges.finder, rgb, points)) - own)
    return [
        Control(
            name=name,
            moved=float(np.mean(years)),
            least=float(np.percentile(years, 10)),
            most=float(np.percentile(years, 90)),
        )
        for name, years in moved.items()
    ]


def _blurred(rgb: F32) -> F32:
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), 1.0), np.float32)


def _grained(rgb: F32) -> F32:
    noise = np.random.default_rng(0).standard_normal(rgb.shape[:2], np.float32)
    return rgb + np.float32(0.02) * noise[..., None]


_CHANGES: dict[str, Callable[[F32], F32]] = {
    "blurred (sigma 1 px)": _blurred,
    "sharpened (half of what that blur takes)": lambda rgb: rgb + np.float32(0.5) * (rgb - _blurred(rgb)),
    "grain (0.02 of luma)": _grained,
    "half a stop darker": lambda rgb: rgb * np.float32(2 ** (-0.5 / 2.4)),
    "contrast up by a tenth": lambda rgb: np.float32(0.5) + np.float32(1.1) * (rgb - np.float32(0.5)),
}
