"""Frames, settings and made-up tracks that the tests of this folder share."""

from dataclasses import dataclass
from itertools import chain, count, islice
from pathlib import Path

import av
import numpy as np

from vfxage.face.track import Tracks, build_tracks
from vfxage.geometry import neck_points
from vfxage.types import ClipInfo, FaceTrack, Frame, HandTrack, Window


@dataclass(frozen=True)
class Settings:
    max_gap: int = 8
    smoothing: float = 1.0
    min_face: int = 48
    margin: int = 0


class Pictures:
    """A plate whose linear values are its 8-bit ones over 255: colour is tested elsewhere."""

    def to_709(self, rgb):
        return light_of(rgb)


def light_of(code) -> np.ndarray:
    """Rec.709 light of sRGB codes 0..1 (IEC 61966-2-1)."""
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)


def plate(pictures, first=0, step=1, origin=(0, 0), numbers=None):
    for number, picture in zip(count(first, step) if numbers is None else numbers, pictures, strict=False):
        window = Window(origin[0], origin[1], picture.shape[1], picture.shape[0])
        yield Frame(number=number, window=window, rgb=picture.astype(np.float32) / np.float32(255))


def track(pictures, settings=Settings(), pixel_aspect=1.0, **numbering) -> Tracks:
    """Track a plate whose data window, the first picture's, begins at ``origin`` and ends with the display window."""
    frames = iter(plate(pictures, **numbering))
    first = list(islice(frames, 1))
    window = first[0].window if first else Window(0, 0, 1, 1)
    clip = ClipInfo(
        path="",
        kind="movie",
        width=window.x + window.width,
        height=window.y + window.height,
        first=0,
        last=1,
        pixel_aspect=pixel_aspect,
        data_window=window,
    )
    return build_tracks(chain(first, frames), Pictures(), settings, clip)


def decode(path: Path, start=0, stop=None):
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number == stop:
                return
            if number >= start:
                yield frame.to_ndarray(format="rgb24")


def spans(faces) -> list[tuple[int, int]]:
    return [(int(face.numbers[0]), int(face.numbers[-1])) for face in faces]


def track_of(points, numbers=(1,), face=0, presence=1.0) -> FaceTrack:
    """A face with these landmarks, (478, 2) for all frames or (N, 478, 2)."""
    count = len(numbers)
    every = np.broadcast_to(points, (count, 478, 2)) if points.ndim == 2 else points
    points = np.ascontiguousarray(every, np.float32)
    return FaceTrack(
        face=face,
        numbers=np.array(numbers, np.int32),
        points=points,
        neck=neck_points(points),
        confidence=np.ones(count, np.float32),
        presence=np.full(count, presence, np.float32),
        yaw=np.zeros(count, np.float32),
    )


def made_up(face: int, numbers, x=100.0, height=120.0) -> FaceTrack:
    oval = np.random.default_rng(face).uniform(-0.5, 0.5, (478, 2)) * [height * 0.8, height] + [x, 200]
    return track_of(oval, numbers, face)


def made_up_hand(numbers) -> HandTrack:
    rows, random = len(numbers), np.random.default_rng(numbers[0])
    return HandTrack(
        numbers=np.array(numbers, np.int32),
        points=random.uniform(0, 400, (rows, 21, 2)).astype(np.float32),
        motion=random.uniform(-9, 9, (rows, 21, 2)).astype(np.float32),
        size=random.uniform(20, 60, rows).astype(np.float32),
        presence=random.uniform(0, 1, rows).astype(np.float32),
    )
