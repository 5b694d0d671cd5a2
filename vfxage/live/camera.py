"""Where live pictures come from: a camera, or a clip that plays as one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from vfxage.colour.cicp import SRGB
from vfxage.colour.space import plate_colour
from vfxage.errors import ReadError
from vfxage.media import PlateSettings, open_reader
from vfxage.types import U8, ClipInfo

_USUAL_RATE = Fraction(30)
"""Frames per second of a camera that does not say."""


_MakesPicture = Callable[[], U8]


@dataclass(frozen=True, slots=True)
class Taken:
    """A picture and the time at which the camera took it."""

    number: int
    """Counts the camera's pictures from 0, also those that are dropped later."""
    picture: _MakesPicture
    """Makes it (H, W, 3) display-referred sRGB: only pictures that are used cost that time."""
    at: float
    """Seconds of ``time.monotonic``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """An open camera."""

    clip: ClipInfo
    """Size of its pictures."""
    rate: Fraction
    pictures: Iterator[Taken]
    """Every picture, at the time when it comes; without an end for a real camera."""


@contextmanager
def open_camera(index: int) -> Iterator[Camera]:
    """Open a camera of this machine by its number. Raises ReadError if it does not open or ends."""
    import cv2

    device = cv2.VideoCapture(index)
    try:
        read, picture = device.read() if device.isOpened() else (False, None)
        if not read or picture is None:
            fix = "connect a camera, name another with --camera 1, or play a clip with --input clip.mp4"
            raise ReadError(f"camera {index} gives no picture", fix=fix)
        rate = Fraction(device.get(cv2.CAP_PROP_FPS)).limit_denominator(1001)
        height, width = picture.shape[:2]
        clip = ClipInfo(path=f"camera {index}", kind="movie", width=width, height=height, first=0, last=0,
                        colorspace=SRGB)  # fmt: skip
        yield Camera(
            clip=clip,
            rate=rate if 1 <= rate <= 240 else _USUAL_RATE,
            pictures=_captured(device, index),
        )
    finally:
        device.release()


def _captured(device: object, index: int) -> Iterator[Taken]:
    number = 0
    while True:
        read, picture = device.read()  # type: ignore[attr-defined]
        at = time.monotonic()
        if not read:
            raise ReadError(f"camera {index} has stopped giving pictures", fix="connect it again")
        yield Taken(number, partial(_red_first, picture), at)
        number += 1


def _red_first(picture: U8) -> U8:
    """A picture (H, W, 3) of OpenCV, which has blue first, as R, G, B."""
    return np.ascontiguousarray(picture[..., ::-1])


@contextmanager
def open_clip(path: Path) -> Iterator[Camera]:
    """Open a movie that plays once as a camera, at its own rate. Raises ReadError, ShotError for no movie."""
    reader = open_reader(path, PlateSettings(untagged=SRGB))
    try:
        clip = reader.info
        if clip.colorspace is None:
            raise ReadError("its colour space is not known", path=path, fix="write it as a movie")
        rate = clip.rate or _USUAL_RATE
        colour = plate_colour(clip)
        numbers = list(clip.present or range(clip.first, clip.last + 1))

        def played() -> Iterator[Taken]:
            begin = time.monotonic()
            with closing(reader.read(numbers)) as frames:
                for count, frame in enumerate(frames):
                    due = begin + float(count / rate)
                    time.sleep(max(0.0, due - time.monotonic()))
                    yield Taken(count, partial(colour.to_sdr8, frame.rgb), max(due, time.monotonic()))

        yield Camera(clip=clip, rate=rate, pictures=played())
    finally:
        reader.close()
