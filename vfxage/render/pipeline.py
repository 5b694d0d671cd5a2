"""The pipeline: plate frames in, rendered frames out, and a whole shot rendered to all its outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain, islice
from typing import TypeVar

from vfxage.ager import Ager, age_frames
from vfxage.comp.roto import DrawnMattes
from vfxage.comp.steady import steady
from vfxage.comp.stencils import ArtistMattes
from vfxage.face.crop import cut
from vfxage.face.track import Lost, Tracks
from vfxage.frames import FrameRange
from vfxage.media import open_writer
from vfxage.media.base import Destination, Writer
from vfxage.pool import ordered_map, prefetch
from vfxage.process import opencv_threads
from vfxage.progress import Progress
from vfxage.render.assemble import assemble
from vfxage.render.drawn import drawn_mattes, open_rotos
from vfxage.render.job import Job
from vfxage.render.lost import find_lost, note_lost
from vfxage.render.one_frame import comp_frame
from vfxage.render.report import reported
from vfxage.render.resume import Open, check_outputs, check_written, outstanding
from vfxage.render.scene import Scene, stage_scene, track_shot, with_handles
from vfxage.render.stamps import destinations, stamp_frames
from vfxage.types import Frame, FrameCrops, FrameDeltas, Render

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedShot:
    """The result of a render."""

    written: tuple[int, ...]
    """Frames rendered by this run."""
    kept: tuple[int, ...]
    """Frames that were complete already."""
    outputs: tuple[str, ...]
    notes: tuple[str, ...]
    """Notes that the user got."""
    lost: tuple[Lost, ...]
    """Faces that are lost on these frames."""


def render_frames(
    scene: Scene,
    frames: Iterable[Frame],
    mattes: Iterable[ArtistMattes],
    stack: ExitStack,
    *,
    workers: int,
) -> Iterator[Render]:
    """Turn plate frames into renders of those frames that have ``mattes``; the others feed the temporal filter.

    ``mattes`` come in ascending frame order, one for each wanted frame. Each stage runs in threads that ``stack``
    joins. At most a dozen frames and the filter's ``2 radius + 1`` are alive. Raises the errors of every stage.
    """

    def cut_frame(frame: Frame) -> FrameCrops:
        return cut(frame, scene.plan, scene.colour)

    def comp(item: tuple[FrameDeltas, ArtistMattes]) -> Render:
        return comp_frame(scene, *item)

    stack.enter_context(opencv_threads(1))  # the stages fill the cores: OpenCV's own threads would make them wait
    plate = stack.enter_context(prefetch(frames))
    crops = stack.enter_context(ordered_map(cut_frame, plate))
    groups = grouped(crops, scene.ager.frames_per_call)
    age = age_frames(scene.ager, whole_head=scene.plan.matte == "head", hair=scene.passes.hair)
    aged = stack.enter_context(ordered_map(age, groups, workers=workers))
    deltas = steady(chain.from_iterable(aged), scene.radius, scene.strength, scene.cuts)
    steadied = stack.enter_context(prefetch(with_mattes(deltas, mattes)))
    return stack.enter_context(ordered_map(comp, steadied))


def with_mattes(
    deltas: Iterable[FrameDeltas], mattes: Iterable[ArtistMattes]
) -> Iterator[tuple[FrameDeltas, ArtistMattes]]:
    """Pair each frame with its mattes by frame number; frames without mattes are not wanted and are left out.

    Raises ValueError if mattes of a frame have no such frame beside them.
    """
    drawn = iter(mattes)
    following = next(drawn, None)
    for item in deltas:
        if following is not None and item.frame.number == following.number:
            yield item, following
            following = next(drawn, None)
    if following is not None:
        raise ValueError(f"mattes of frame {following.number} came without that frame")


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSettings:
    """How a render runs; the pixels do not depend on it."""

    workers: int
    """Threads that call the ager."""
    overwrite: bool
    """Render frames again that are complete, and replace files that vfxage did not write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Staged:
    job: Job
    scene: Scene
    drawn: DrawnMattes


def render_shot(
    job: Job, ager: Ager, numbers: Sequence[int], progress: Progress, settings: RenderSettings
) -> RenderedShot:
    """Render ``numbers`` to every output of the shot and keep frames that are complete already; report the run.

    Raises the errors of every stage. Frames finished before an error stay, complete, and the next run continues there.
    """
    with reported(job, ager, numbers, progress) as recorder, open_rotos(job) as rotos:
        rotos.check(numbers)
        check_outputs(job, numbers, overwrite=settings.overwrite)
        tracks = track_shot(job, ager, recorder)
        job = job.with_missing(tracks.missing)
        scene = stage_scene(job, tracks, ager)
        note_faces(job, scene, tracks, recorder)
        drawn = drawn_mattes(rotos, job, scene)
        stamps = stamp_frames(job, tracks, scene, drawn, numbers)
        recorder.frames_are(scene, stamps)
        outputs = destinations(job, scene, stamps)
        recorder.lost = find_lost(job, tracks, numbers)
        written = _render_outputs(_Staged(job=job, scene=scene, drawn=drawn), outputs, recorder, settings)
        note_lost(recorder.lost, recorder)
    return RenderedShot(
        written=tuple(sorted(written)),
        kept=tuple(n for n in numbers if n not in written),
        outputs=tuple(output.path for output in outputs),
        notes=tuple(recorder.notes),
        lost=recorder.lost,
    )


def _render_outputs(
    staged: _Staged, outputs: Sequence[Destination], progress: Progress, settings: RenderSettings
) -> frozenset[int]:
    """Render and write what the outputs still need, then assemble movies of finished frames; the frames rendered."""
    job, scene = staged.job, staged.scene
    with ExitStack() as stack:
        opened: list[Open] = [(output, stack.enter_context(open_writer(output))) for output in outputs]
        for note in chain.from_iterable(writer.notes for _, writer in opened):
            progress.note(note)
        left = outstanding(job, opened, overwrite=settings.overwrite, progress=progress)
        wanted = left.wanted
        if wanted:
            with ExitStack() as stages, progress.stage("render", len(wanted)) as advance:
                needed = with_handles(job.numbers, wanted, scene.radius)
                plate = stages.enter_context(closing(job.reader.read(needed)))
                mattes = stages.enter_context(staged.drawn.read(sorted(wanted)))
                renders = render_frames(scene, plate, mattes, stages, workers=settings.workers)
                for number in written_by(renders, left.streams, stages):
                    advance(number)
                check_written([output for output, writer in opened if writer.parallel], wanted)
        for (_, movie), source in left.movies:
            assemble(job, movie, source, progress)
    return wanted


def written_by(
    renders: Iterable[Render], jobs: Sequence[tuple[Writer, frozenset[int]]], stack: ExitStack
) -> Iterator[int]:
    """Hand each render to the writers that need it: sequences in several threads, each movie in its own thread."""

    def passing(todo: Sequence[tuple[Writer, frozenset[int]]]) -> Callable[[Render], Render]:
        def write(render: Render) -> Render:
            for writer, needed in todo:
                if render.number in needed:
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


def note_faces(job: Job, scene: Scene, tracks: Tracks, progress: Progress) -> None:
    """Note faces that were not found, and faces that the model sees brighter or darker than the plate shows them."""
    if not scene.plan.faces:
        names = ", ".join(f"`{face.name}`" for face in job.shot.faces if face.name) or "every face"
        progress.note(
            f"{names}: not found, no face in frames {FrameRange.of(tracks.numbers)}: "
            "beauty is the plate, delta is zero and matte is black"
        )
    for face in scene.plan.faces:
        if face.exposure:
            progress.note(f"{face.name}: exposed {face.exposure:+.2f} stops before ageing (`exposure:`)")


def grouped(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Take ``items`` in tuples of ``size``; the last may be shorter."""
    source = iter(items)
    while group := tuple(islice(source, size)):
        yield group
