"""The wiring: a shot's tracks, and a shot's renders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

import cv2

from vfxage import __version__
from vfxage.colour import Colour
from vfxage.composite import composite
from vfxage.crop import CropPlan, cut, plan_crops
from vfxage.errors import OutputError, ReadError
from vfxage.exposure import face_light, plate_stops
from vfxage.fingerprint import digest, window_digests
from vfxage.frames import FrameRange
from vfxage.job import Job, check_writable, placed
from vfxage.media import open_writer
from vfxage.media.base import Destination, Writer
from vfxage.media.targets import output_space
from vfxage.model import Ager
from vfxage.pool import ordered_map, prefetch
from vfxage.progress import Progress, counted
from vfxage.temporal import steady
from vfxage.track import Tracks, build_tracks, load_tracks, select_faces
from vfxage.types import Frame, FrameCrops, FrameDeltas, Render

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that a frame's pixels depend on beside the plate: the same for every chunk of a shot."""

    colour: Colour
    plan: CropPlan
    ager: Ager
    cuts: tuple[int, ...]
    radius: int
    strength: float
    layers: bool
    """Whether each face keeps its own delta and matte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a render did."""

    written: tuple[int, ...]
    """Frames rendered by this run."""
    kept: tuple[int, ...]
    """Frames that stood complete already."""
    outputs: tuple[str, ...]


def track_shot(job: Job, progress: Progress, *, anew: bool = False) -> Tracks:
    """Give the whole shot's tracks: the saved ones if plate and settings have not changed, else new ones, saved."""
    saved = None if anew else saved_tracks(job, progress)
    if saved is not None:
        return saved
    check_writable(job.folder)
    tracks = find_tracks(job, job.numbers, progress, key=job.tracks_key())
    tracks.save(job.tracks_path)
    return tracks


def saved_tracks(job: Job, progress: Progress) -> Tracks | None:
    """Load the saved tracks; None where there are none, or where plate or settings have changed since."""
    if not job.tracks_path.exists():
        return None
    try:
        saved = load_tracks(job.tracks_path)
    except ReadError as error:
        progress.note(f"saved tracks are damaged and are made anew: {error}")
        return None
    return saved if saved.key == job.tracks_key() else None


def find_tracks(job: Job, numbers: Sequence[int], progress: Progress, *, key: str = "") -> Tracks:
    """Track ``numbers``, and measure the faces' light, without looking for or leaving saved tracks."""
    exposure = job.shot.exposure
    stops = plate_stops(job.reader, numbers, job.colour) if exposure == "auto" else exposure
    with (
        progress.stage("track", len(numbers)) as advance,
        closing(job.reader.read(numbers)) as plate,  # type: ignore[type-var]
        prefetch(plate) as frames,
    ):
        seen = counted(frames, advance, lambda frame: frame.number)
        tracks = build_tracks(seen, job.colour.exposed(stops), job.shot.tracking, job.clip, key=key)
    if exposure != "auto":
        return tracks
    return replace(tracks, light=tuple(face_light(job.reader, track, job.colour) for track in tracks.faces))


def stage_scene(job: Job, tracks: Tracks, ager: Ager) -> Scene:
    """Fix everything that does not change from frame to frame."""
    shot = job.shot
    with placed(shot, "faces"):
        selected = select_faces(tracks, shot.faces)
    light = {track.face: value for track, value in zip(tracks.faces, tracks.light, strict=False)}
    plan = plan_crops(selected, shot, ager, job.clip.pixel_aspect, light)
    return Scene(
        colour=job.colour,
        plan=plan,
        ager=ager,
        cuts=tracks.cuts,
        radius=shot.temporal.radius,
        strength=shot.temporal.strength,
        layers=len([face for face in shot.faces if face.name]) > 1,
    )


def render_frames(
    scene: Scene, frames: Iterable[Frame], wanted: frozenset[int], stack: ExitStack, *, workers: int
) -> Iterator[Render]:
    """Turn plate frames into renders of those ``wanted``; the others only feed the temporal filter.

    Each stage runs in threads that ``stack`` joins. Frames alive: at most a dozen and the filter's ``2 radius + 1``.
    """

    def cut_frame(frame: Frame) -> FrameCrops:
        return cut(frame, scene.plan, scene.colour)

    def comp(item: FrameDeltas) -> Render:
        return composite(item, scene.colour, layers=scene.layers)

    cv2.setNumThreads(1)  # the stages fill the cores already: OpenCV's own threads only made them wait (12 % slower)
    plate = stack.enter_context(prefetch(frames))
    crops = stack.enter_context(ordered_map(cut_frame, plate))
    aged = stack.enter_context(ordered_map(scene.ager, grouped(crops, scene.ager.group), workers=workers))
    deltas = steady(chain.from_iterable(aged), scene.radius, scene.strength, scene.cuts)
    steadied = stack.enter_context(prefetch(item for item in deltas if item.frame.number in wanted))
    return stack.enter_context(ordered_map(comp, steadied))


def render_shot(
    job: Job, ager: Ager, numbers: Sequence[int], progress: Progress, *, workers: int, overwrite: bool
) -> Report:
    """Render ``numbers`` to every output of the shot; frames that stand complete already are kept.

    Raises the errors of every stage; frames finished before an error stay, complete, and the next run goes on there.
    """
    tracks = track_shot(job, progress)
    scene = stage_scene(job, tracks, ager)
    if not scene.plan.faces:
        progress.note("no face was found in the whole shot: beauty is the plate, delta is zero and matte is black")
    for face in scene.plan.faces:
        if face.exposure:
            progress.note(f"{face.name} is shown to the model {face.exposure:+.2f} stops, on every frame (`exposure:`)")
    for output in job.shot.outputs:
        check_writable(Path(output.path).parent)
    stamps = frame_stamps(job, scene, numbers, progress)
    outputs = [destination(job, scene, index, numbers, stamps) for index in range(len(job.shot.outputs))]
    with ExitStack() as writers:
        open_writers = [(output, writers.enter_context(open_writer(output))) for output in outputs]
        for note in chain.from_iterable(writer.notes for _, writer in open_writers):
            progress.note(note)
        jobs = [
            (writer, frozenset(numbers) if overwrite else todo(writer, output, job, progress))
            for output, writer in open_writers
        ]
        wanted = frozenset(chain.from_iterable(missing for _, missing in jobs))
        if wanted:
            needed = with_handles(job.numbers, wanted, scene.radius)
            with ExitStack() as stages, progress.stage("render", len(wanted)) as advance:
                plate = stages.enter_context(closing(job.reader.read(needed)))  # type: ignore[type-var]
                renders = render_frames(scene, plate, wanted, stages, workers=workers)
                for number in written(renders, jobs, stages):
                    advance(number)
    return Report(
        written=tuple(sorted(wanted)),
        kept=tuple(n for n in numbers if n not in wanted),
        outputs=tuple(output.path for output in outputs),
    )


def todo(writer: Writer, output: Destination, job: Job, progress: Progress) -> frozenset[int]:
    """Frames this output still lacks; raises OutputError where a file that is not ours stands in the way.

    A part of the shot does not replace a movie that holds other frames: chunks would wipe out each other's.
    """
    workers = 2 if writer.parallel else 1
    lacking = []
    with (
        progress.stage("kept", len(output.numbers)) as advance,
        ordered_map(writer.finished, output.numbers, workers=workers) as answers,
    ):
        for number, finished in zip(output.numbers, answers, strict=True):
            if not finished:
                lacking.append(number)
            advance(number)
    for number in lacking:
        foreign = writer.foreign(number)
        if foreign is not None:
            raise OutputError(
                "exists already and was not written by vfxage",
                path=foreign,
                fix="choose another path, or say --overwrite to replace it",
            )
    part = set(output.numbers) != set(job.numbers)
    if part and lacking and set(writer.held()) - set(output.numbers):
        held = FrameRange.of(writer.held())
        progress.note(f"{output.path} holds frames {held} and is kept as it is; --overwrite replaces it by this part")
        return frozenset()
    return frozenset(lacking)


def written(
    renders: Iterable[Render], jobs: Sequence[tuple[Writer, frozenset[int]]], stack: ExitStack
) -> Iterator[int]:
    """Hand each render to the writers that lack it: sequences in several threads, each movie in its own."""

    def passing(todo: Sequence[tuple[Writer, frozenset[int]]]) -> Callable[[Render], Render]:
        def write(render: Render) -> Render:
            for writer, lacking in todo:
                if render.number in lacking:
                    writer.write(render)
            return render

        return write

    sequences = [job for job in jobs if job[0].parallel and job[1]]
    movies = [job for job in jobs if not job[0].parallel and job[1]]
    for movie in movies:
        renders = stack.enter_context(ordered_map(passing([movie]), renders))
    if sequences:
        renders = stack.enter_context(ordered_map(passing(sequences), renders, workers=2))
    for render in renders:
        yield render.number


def destination(job: Job, scene: Scene, index: int, numbers: Sequence[int], stamps: dict[int, str]) -> Destination:
    """Resolve one output of the shot against its plate."""
    output = job.shot.outputs[index]
    with placed(job.shot, "outputs"):
        space = output_space(output, job.colour, like=job.clip.path, ocio=job.shot.ocio)
    form = [sorted(output.passes), output.codec, output.depth, space, scene.layers]
    return Destination(
        path=output.path,
        passes=output.passes,
        codec=output.codec,
        clip=job.clip,
        colorspace=space,
        depth=output.depth,
        ocio=job.shot.ocio,
        numbers=tuple(numbers),
        faces=scene.plan.names if scene.layers else (),
        alpha=job.clip.alpha,
        stamps={number: digest(stamp, form) for number, stamp in stamps.items()},
    )


def frame_stamps(job: Job, scene: Scene, numbers: Sequence[int], progress: Progress) -> dict[int, str]:
    """Fingerprint every frame (see ``fingerprint.py`` for what it covers); reads the plate's files."""
    needed = with_handles(job.numbers, frozenset(numbers), scene.radius)
    own = {}
    with progress.stage("plate", len(needed)) as advance, ordered_map(job.plate_digest, needed, workers=2) as plate:
        for n, content in zip(needed, plate, strict=True):
            own[n] = digest(content, n in scene.cuts, *scene.plan.dependencies(n))
            advance(n)
    matte, temporal = (part.model_dump(mode="json") for part in (job.shot.matte, job.shot.temporal))
    return window_digests(own, numbers, scene.radius, [__version__, scene.ager.fingerprint, matte, temporal])


def with_handles(whole: Sequence[int], wanted: frozenset[int], radius: int) -> list[int]:
    """Frames of the shot that the temporal filter sees when it makes ``wanted``: a pre-roll and post-roll each side."""
    near = {n + k for n in wanted for k in range(-radius, radius + 1)}
    return [n for n in whole if n in near]


def grouped(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Take ``items`` in tuples of ``size``; the last may be shorter."""
    source = iter(items)
    while group := tuple(islice(source, size)):
        yield group
