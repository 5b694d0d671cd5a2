"""What a live picture looks like: the wipe, and the strip with ages, speed and keys."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import cv2
import numpy as np

from vfxage.live.stage import Ages
from vfxage.types import U8

YEARS = 5.0
"""Years by which a key changes an age."""
OLDEST = 120.0
HELP = "up/down target  left/right source  b bypass  w wipe  h help  q quit"
_INK, _PAPER = (255, 255, 255), (24, 24, 24)
_LINE = (255, 200, 90)
_NARROW = 960
"""Least width of the window's picture, pixels."""
_RECENT = 30
"""Pictures over which speed and latency are averaged."""


@dataclass(slots=True)
class Controls:
    """What the keys and the mouse have set."""

    ages: Ages
    bypass: bool = False
    """Show the camera's picture."""
    wipe: float | None = None
    """Share of the width, from the left, that shows the camera's picture; None without a wipe."""
    help: bool = True
    quit: bool = False

    def press(self, key: str) -> None:
        """Follow a key: its letter, or up, down, left, right."""
        steps = {"up": (0, YEARS), "down": (0, -YEARS), "right": (YEARS, 0), "left": (-YEARS, 0)}
        if key in steps:
            source, target = steps[key]
            self.ages.source = min(max(self.ages.source + source, 0.0), OLDEST)
            self.ages.target = min(max(self.ages.target + target, 0.0), OLDEST)
        elif key == "b":
            self.bypass = not self.bypass
        elif key == "w":
            self.wipe = 0.5 if self.wipe is None else None
        elif key == "h":
            self.help = not self.help
        elif key in ("q", "escape"):
            self.quit = True


@dataclass(slots=True)
class Pace:
    """Speed and latency of the pictures that were shown."""

    shown: int = 0
    dropped: int = 0
    last: int = -1
    """Number of the picture that was shown last."""
    latencies: list[float] = field(default_factory=list)
    """Seconds from the camera to the output, of every picture."""
    _times: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))

    def count(self, *, taken: float, now: float, dropped: int) -> None:
        """Count a picture that the camera took and that was shown now, and those that were dropped before it."""
        self.shown += 1
        self.dropped += dropped
        self.latencies.append(now - taken)
        self._times.append(now)

    @property
    def fps(self) -> float:
        """Pictures a second, lately."""
        span = self._times[-1] - self._times[0] if len(self._times) > 1 else 0.0
        return (len(self._times) - 1) / span if span > 0 else 0.0

    @property
    def latency(self) -> float:
        """Seconds, lately."""
        recent = self.latencies[-_RECENT:]
        return sum(recent) / len(recent) if recent else 0.0


def composed(plate: U8, beauty: U8, controls: Controls) -> U8:
    """The picture that goes out, (H, W, 3): bypassed, wiped, or the aged one."""
    if controls.bypass:
        return plate
    if controls.wipe is None:
        return beauty
    split = min(max(round(controls.wipe * plate.shape[1]), 0), plate.shape[1])
    page = beauty.copy()
    page[:, :split] = plate[:, :split]
    page[:, max(split - 1, 0) : split + 1] = _LINE
    return page


def with_strip(picture: U8, controls: Controls, pace: Pace, *, face: bool) -> U8:
    """The picture for the window, with a strip at its top: ages, speed, latency, and the keys below.

    A small picture is enlarged, so that there is room for the words.
    """
    if picture.shape[1] < _NARROW:
        size = _NARROW, round(picture.shape[0] * _NARROW / picture.shape[1])
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    height, width = picture.shape[:2]
    scale = min(width / 1600, 1.2)
    line = round(44 * scale)
    left = f"{controls.ages.source:.0f} to {controls.ages.target:.0f} years"
    left += "" if face else "   no face"
    left += "   bypass" if controls.bypass else ""
    right = f"{pace.fps:.1f} fps   {1000 * pace.latency:.0f} ms   {pace.dropped} dropped"
    page = np.empty((height + line * (2 if controls.help else 1), width, 3), np.uint8)
    page[:] = _PAPER
    page[line : line + height] = picture
    base = round(30 * scale)
    _write(page, left, 10, base, scale)
    _write(page, right, width - 10 - _length(right, scale), base, scale)
    if controls.help:
        _write(page, HELP, 10, line + height + base, scale)
    return page


def _length(text: str, scale: float) -> int:
    return int(cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)[0][0])


def _write(page: U8, text: str, x: int, y: int, scale: float) -> None:
    cv2.putText(page, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, _INK, 1, cv2.LINE_AA)
