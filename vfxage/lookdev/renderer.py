"""One frame of a shot as `vfxage render` makes it, again and again, with what does not change kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Literal

import cv2
import numpy as np

from vfxage.ager import Ager, load_ager
from vfxage.arrays import ArrayData, shaped
from vfxage.face.track import Tracks
from vfxage.geometry import OVAL
from vfxage.lookdev.memory import Plate, Recent, remembered
from vfxage.progress import Progress
from vfxage.render.drawn import drawn_mattes, open_rotos
from vfxage.render.job import Job
from vfxage.render.pipeline import render_frames
from vfxage.render.preview import viewing_of
from vfxage.render.preview_page import displayed_delta
from vfxage.render.scene import Scene, stage_scene, study_faces, track_shot, with_handles
from vfxage.shot import Shot
from vfxage.types import F32, U8, Frame, Render, Window

VIEWS = ("plate", "beauty", "delta", "matte")
_PLATE_BYTES = 1 << 28
"""Most memory for plates as the display shows them (97 of 1280x720, 10 of 4K)."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Outline(ArrayData):
    """A face on one frame."""

    track: int
    """Number of its track."""
    face: int | None
    """Index of the face of the shot that takes the track; None if none does."""
    name: str
    points: F32 = field(metadata=shaped("N", 2))
    """(N, 2) its outline, display-window pixels."""

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of its outline."""
        x, y = self.points.mean(axis=0)
        return float(x), float(y)

    def distance(self, x: float, y: float) -> float:
        """How far a point is outside the outline, pixels; negative inside."""
        return -float(cv2.pointPolygonTest(self.points.reshape(-1, 1, 2), (x, y), True))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Shown(ArrayData):
    """A frame as the display shows it."""

    number: int
    settled: bool
    """Whether the temporal filter is in it: then its pixels are those of a render."""
    window: Window
    """The data window, which the pictures cover."""
    plate: U8 = field(metadata=shaped("H", "W", 3, dtype=np.uint8))
    beauty: U8 = field(metadata=shaped("H", "W", 3, dtype=np.uint8))
    matte: U8 = field(metadata=shaped("H", "W", dtype=np.uint8))
    faces: tuple[Outline, ...]

    def picture(self, view: str) -> U8:
        """(H, W, 3) of one of ``VIEWS``."""
        if view == "delta":
            return displayed_delta(self.plate, self.beauty)
        if view == "matte":
            return np.repeat(self.matte[..., None], 3, axis=2)
        return self.plate if view == "plate" else self.beauty


class FrameRenderer:
    """Renders single frames of an open shot, for any settings of its faces, matte, filter and model."""

    def __init__(self, job: Job, device: str, progress: Progress) -> None:
        self._device, self._progress = device, progress
        self._agers: dict[tuple[str, str | None, str], Ager] = {}
        self._tracks = track_shot(job, self._ager(job.shot), progress)
        self.job = job.with_missing(self._tracks.missing)
        self._plate = Plate(self.job.reader)
        self._display = viewing_of(job)
        self._plates: Recent[U8] = Recent(_PLATE_BYTES, lambda picture: picture.nbytes)

    @property
    def tracks(self) -> Tracks:
        """All faces that were tracked in the shot."""
        return self._tracks

    def steps(self, shot: Shot, number: int) -> Iterator[Shown | Literal["prepared"]]:
        """Render a frame in steps that are short: first without the temporal filter, then its neighbours, then with it.

        The caller may stop between any two. Raises the errors of every stage of a render.
        """
        job = replace(self.job, shot=shot)
        ager = self._ager(shot)
        self._tracks = study_faces(job, self._tracks, ager, self._progress)
        scene = stage_scene(job, self._tracks, ager)
        filtered = scene.radius > 0 and scene.strength > 0
        rough = self._render(job, replace(scene, radius=0), [number])[0]
        yield self._shown(job, scene, rough, settled=not filtered)
        if filtered:
            around = [near for near in with_handles(job.numbers, frozenset([number]), scene.radius) if near != number]
            nearest = sorted(around, key=lambda near: abs(near - number))
            for first in range(0, len(nearest), ager.workers_default):
                self._render(job, replace(scene, radius=0), sorted(nearest[first : first + ager.workers_default]))
                yield "prepared"
            yield self._shown(job, scene, self._render(job, scene, [number])[0], settled=True)

    def _ager(self, shot: Shot) -> Ager:
        key = shot.model, shot.delta_from, repr(shot.style)
        if key not in self._agers:
            self._agers[key] = remembered(load_ager(shot.model, self._device, shot.delta_from, shot.style))
        return self._agers[key]

    def _render(self, job: Job, scene: Scene, numbers: Sequence[int]) -> list[Render]:
        plate = self._plate.frames(with_handles(job.numbers, frozenset(numbers), scene.radius))
        with ExitStack() as stages:
            rotos = stages.enter_context(open_rotos(job))
            mattes = stages.enter_context(drawn_mattes(rotos, job, scene).read(numbers))
            return list(render_frames(scene, plate, mattes, stages, workers=scene.ager.workers_default))

    def _shown(self, job: Job, scene: Scene, render: Render, *, settled: bool) -> Shown:
        return Shown(
            number=render.number,
            settled=settled,
            window=render.frame.window,
            plate=self._seen_plate(render.frame),
            beauty=self._display.show(render.beauty),
            matte=np.rint(render.matte * 255).astype(np.uint8),
            faces=tuple(self._outlines(job, scene, render.number)),
        )

    def _seen_plate(self, frame: Frame) -> U8:
        """The plate as the display shows it; made once for each frame."""
        picture = self._plates.get(frame.number)
        if picture is None:
            picture = self._display.show(frame.rgb)
            self._plates.keep(frame.number, picture)
        return picture

    def _outlines(self, job: Job, scene: Scene, number: int) -> Iterator[Outline]:
        """The outline of every tracked face on a frame."""
        taken = {face.track.face: face for face in scene.plan.faces}
        shown = scene.plan.landmarks_from.get(number, number)
        for track in self._tracks.faces:
            row = int(np.searchsorted(track.numbers, shown))
            if row == len(track.numbers) or track.numbers[row] != shown:
                continue
            plan = taken.get(track.face)
            index = next((i for i, face in enumerate(job.shot.faces) if plan and face is plan.shot_face), None)
            name = plan.name if plan else f"track {track.face}"
            yield Outline(track=track.face, face=index, name=name, points=track.points[row][OVAL])
