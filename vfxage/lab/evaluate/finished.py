"""The finished frames of a rendered shot, measured face by face: stability in time, and the age that is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vfxage.colour.cicp import DISPLAY_709
from vfxage.colour.space import Colour
from vfxage.errors import ShotError, count_of
from vfxage.face.crop import CropPlan, FacePlan, cut, encoded_square, usual_extent
from vfxage.face.detect import FaceFinder
from vfxage.face.exposure import stops_for
from vfxage.face.track import Tracks, select_faces
from vfxage.frames import Pattern
from vfxage.geometry import crop_transform, invert, map_points
from vfxage.lab.evaluate.age_over_time import AgeOverTime, AgeTimeline
from vfxage.lab.evaluate.flat import mean_face
from vfxage.lab.evaluate.gather import gather_subjects
from vfxage.lab.evaluate.learn import TrainedReader, learn_ages
from vfxage.lab.evaluate.temporal import TemporalFigures, TemporalMeasure
from vfxage.media import PlateSettings, open_reader, read_passes
from vfxage.pool import prefetch
from vfxage.process import opencv_threads
from vfxage.progress import Progress
from vfxage.render.job import Job, with_shot_line
from vfxage.render.on_disk import rendered_tracks
from vfxage.shot.outputs import LOSSY, MOVIES, Output
from vfxage.types import F32, F64, FaceCrop, Frame, Framing

_SIZES = (256, 512, 768, 1024)
"""Sides of crops, pixels. A larger face is measured on a crop of 1024."""
_FRAMING = Framing(name="ffhq")
_MESHES = 50
"""Meshes of a face from which its mean mesh is made, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedFace:
    """Figures of one face of a shot."""

    face: str
    frames: tuple[int, int]
    """First and last frame on which it was measured."""
    output: str
    """The output that was read."""
    temporal: TemporalFigures
    age: AgeOverTime


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _FaceMeasure:
    """The measuring of one face, frame by frame."""

    plan: FacePlan
    temporal: TemporalMeasure
    ages: AgeTimeline
    seen: list[int]

    def add(self, number: int, crop: FaceCrop, beauty: F32, *, cut: bool) -> None:
        """Measure one frame on which the face is wholly present."""
        row = self.plan.row(number)
        if row is None or self.plan.track.presence[row] < 1:
            return
        self.temporal.add(number, crop, beauty, cut=cut)
        self.ages.add(number, crop, beauty, float(self.plan.track.yaw[row]))
        self.seen.append(number)

    def result(self, output: str) -> FinishedFace:
        """The figures of all frames so far."""
        return FinishedFace(
            face=self.plan.name,
            frames=(self.seen[0], self.seen[-1]),
            output=output,
            temporal=self.temporal.figures(),
            age=self.ages.result(),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Output:
    """One output of the shot, open."""

    path: str
    colour: Colour
    made: Callable[[Frame], Frame]
    """Gives the beauty for a plate frame; frames must come in order."""


def measure_finished(
    job: Job, numbers: Sequence[int], portraits: Sequence[Path], progress: Progress
) -> list[FinishedFace]:
    """Measure the rendered frames ``numbers`` of a shot; ``portraits`` are folders that the age reader learns from.

    No ager runs. Raises WriteError for a shot that was never rendered as it is now, ReadError with file and frame for
    a missing frame, ShotError for outputs without beauty and delta, or if no face of the shot is on these frames.
    """
    tracks = rendered_tracks(job, progress)
    job = job.with_missing(tracks.missing)
    plan = _plan(job, tracks)
    wanted = [number for number in numbers if number not in tracks.missing]
    with FaceFinder() as finder, opencv_threads(0), ExitStack() as stack:
        output = stack.enter_context(_open_output(job, wanted, progress))
        learned = _learn(portraits, finder, progress)
        measured = {face.track.face: _measure_of(face, job, learned, finder) for face in plan.faces}
        plate = stack.enter_context(prefetch(stack.enter_context(closing(job.reader.read(wanted)))))
        advance = stack.enter_context(progress.stage("measure", len(wanted)))
        for frame in plate:
            beauty = output.made(frame)
            for crop in cut(frame, plan, job.colour).crops:
                one = measured[crop.face]
                one.add(frame.number, crop, _square(beauty, crop, output.colour), cut=frame.number in tracks.cuts)
            advance(frame.number)
    found = [one.result(output.path) for one in measured.values() if one.seen]
    if not found:
        raise ShotError("no face of the shot is on these frames", path=job.shot.path, fix="choose other --frames")
    return found


def _square(beauty: Frame, crop: FaceCrop, colour: Colour) -> F32:
    """The crop's square of the result, in the encoding and light of the crop."""
    size = crop.rgb.shape[0]
    return encoded_square(beauty, crop.to_frame, size, colour.exposed(crop.exposure), (0.0, 1.0))


def _plan(job: Job, tracks: Tracks) -> CropPlan:
    """Crops of the shot's faces for measuring, whatever the model's own crops are."""
    with with_shot_line(job.shot, "faces"):
        selected = select_faces(tracks, job.shot.faces)
    aspect = job.clip.pixel_aspect
    exposure = job.shot.exposure
    faces = []
    for face, track in selected:
        extent = usual_extent(track, _FRAMING, aspect)
        measures = tracks.measures.get(track.face)
        light = measures.light if measures else math.nan
        faces.append(
            FacePlan(
                name=face.name or f"face{track.face}",
                track=track,
                size=next((size for size in _SIZES if size >= extent), _SIZES[-1]),
                exposure=stops_for(light) if exposure == "auto" else exposure,
                shot_face=face,
            )
        )
    return CropPlan(
        faces=tuple(faces),
        names=tuple(dict.fromkeys(face.name for face in faces)),
        framing=_FRAMING,
        matte=job.shot.matte.kind,
        feather=job.shot.matte.feather,
        pixel_aspect=aspect,
    )


def _learn(portraits: Sequence[Path], finder: FaceFinder, progress: Progress) -> TrainedReader | None:
    if not portraits:
        return None
    return learn_ages(gather_subjects(portraits, progress)[0], finder, progress)


def _measure_of(face: FacePlan, job: Job, learned: TrainedReader | None, finder: FaceFinder) -> _FaceMeasure:
    meshes = [
        map_points(points, invert(crop_transform(points, _FRAMING, face.size, job.clip.pixel_aspect)))
        for points in face.track.points[:: -(-len(face.track.points) // _MESHES)]
    ]
    mean = mean_face([np.asarray(mesh, np.float32) for mesh in meshes])
    return _FaceMeasure(plan=face, temporal=TemporalMeasure(mean), ages=AgeTimeline(learned, finder), seen=[])


class _Choice(NamedTuple):
    """An output that can be measured. The first in the order of these fields is the nearest to what was rendered."""

    rank: int
    """Place of its kind, the best first."""
    place: int
    """Its number in the shot."""
    kind: str
    """What it holds, in words."""


def _choices(outputs: Sequence[Output]) -> list[_Choice]:
    """The outputs from which the result can be read, the nearest to what was rendered first."""
    kinds = ((place, _kind(output)) for place, output in enumerate(outputs))
    return sorted(_Choice(_KINDS.index(kind), place, kind) for place, kind in kinds if kind is not None)


def _kind(output: Output) -> str | None:
    """What the output holds of the result, in words; None if that is neither the beauty nor a linear delta."""
    suffix = Path(output.path).suffix.lower()
    if suffix == ".exr":
        held = next((name for name in ("beauty", "delta") if name in output.passes), None)
        loss = "with loss" if output.compression in LOSSY else "lossless"
        return held and f"{held}, scene-linear, {loss}"
    if "beauty" not in output.passes:
        return None
    if suffix in MOVIES:
        return "beauty in a movie"
    return "beauty in pictures with loss" if suffix in (".jpg", ".jpeg") else "beauty in lossless pictures"


_KINDS = (
    "beauty, scene-linear, lossless",
    "delta, scene-linear, lossless",
    "beauty, scene-linear, with loss",
    "delta, scene-linear, with loss",
    "beauty in lossless pictures",
    "beauty in pictures with loss",
    "beauty in a movie",
)
"""Kinds of outputs, the nearest to what was rendered first. A lossless delta is exact: the plate is added to it.
Pictures and movies round the light to integers."""


@contextmanager
def _open_output(job: Job, numbers: Sequence[int], progress: Progress) -> Iterator[_Output]:
    """Open the output that is nearest to what was rendered, and note which one it is if the shot has several."""
    choices = _choices(job.shot.outputs)
    if not choices:
        fix = "render an output with the pass beauty, or an OpenEXR with the pass delta"
        raise ShotError("no output has the beauty or the delta", path=job.shot.path, fix=fix)
    chosen = choices[0]
    path, space = job.shot.outputs[chosen.place].path, job.spaces[chosen.place]
    if len(choices) > 1:
        progress.note(f"measures {path} ({chosen.kind}), not the other {count_of(len(choices) - 1, 'output')}")
    if chosen.kind.startswith("delta"):
        pattern, light = Pattern.parse(path), _to_plate(space, job)
        yield _Output(path=path, colour=job.colour, made=lambda frame: _with_delta(frame, pattern, light))
        return
    settings, colour = _reading(path, job.colour if space == job.colour.name else Colour(space, job.shot.ocio), job)
    with closing(open_reader(path, settings)) as reader, closing(reader.read(numbers)) as frames:
        yield _Output(path=path, colour=colour, made=lambda frame: next(frames))


def _reading(path: str, space: Colour, job: Job) -> tuple[PlateSettings, Colour]:
    """How to read an output whose code values are in ``space``, and the colour of its frames."""
    suffix, ocio = Path(path).suffix.lower(), job.shot.ocio
    if suffix == ".exr":  # it holds linear light: any linear space leaves the samples as they are
        return PlateSettings(colorspace=space.linear_name or "ACEScg", ocio=ocio), space
    if suffix in MOVIES:  # it shows a linear plate as video
        shown = Colour(DISPLAY_709, ocio) if space.linear else space
        return PlateSettings(colorspace=shown.name, ocio=ocio, first_frame=_first_in(path, job)), shown
    return PlateSettings(colorspace=space.name, ocio=ocio), space


def _first_in(path: str, job: Job) -> int:
    """Number of the first frame that a movie of ours holds; the shot's first frame if it does not say."""
    from vfxage.media.movie import held_frames

    return next(iter(held_frames(Path(path))), job.numbers[0])


def _to_plate(space: str, job: Job) -> F64:
    """(3, 3): linear light of an output in ``space`` to the plate's linear light."""
    output = job.colour if space == job.colour.name else Colour(space, job.shot.ocio)
    return np.linalg.solve(job.colour.to_xyz, output.to_xyz)


def _with_delta(frame: Frame, pattern: Pattern, light: F64) -> Frame:
    """The plate plus the delta of an OpenEXR file; ``light`` is the matrix of ``_to_plate``."""
    planes = read_passes(pattern.path(frame.number), frame.number)
    delta = np.dstack([planes[f"delta.{channel}"] for channel in "RGB"]) @ light.T
    return replace(frame, rgb=np.asarray(frame.rgb + delta, np.float32), native=None)
