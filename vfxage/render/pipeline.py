"""The wiring: a shot's tracks, and a shot's renders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from itertools import chain, islice, repeat
from pathlib import Path
from typing import TypeVar

from vfxage import __version__
from vfxage.ager import Ager
from vfxage.colour.space import Colour
from vfxage.comp.composite import Asked, composite
from vfxage.comp.hold_out import held_out
from vfxage.comp.roto import Rotos, Use, Wanted
from vfxage.comp.steady import steady
from vfxage.errors import ReadError
from vfxage.face.crop import CropPlan, cut, plan_crops
from vfxage.face.exposure import face_light, plate_stops
from vfxage.face.regions import by_region
from vfxage.face.track import Tracks, build_tracks, load_tracks, select_faces
from vfxage.fingerprint import digest, window_digests
from vfxage.frames import FrameRange
from vfxage.media import open_writer
from vfxage.media.base import Destination, Writer
from vfxage.pool import ordered_map, prefetch
from vfxage.process import opencv_threads
from vfxage.progress import Progress, counted
from vfxage.render.assemble import assemble, check_there, outstanding
from vfxage.render.job import Job, check_writable, placed
from vfxage.shot import Roto
from vfxage.types import Frame, FrameCrops, FrameDeltas, Painted, Render

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
    fingerprint: str
    """The ager's, as frames carry it."""
    asked: Asked
    """What the outputs want beside beauty, delta and matte."""
    stand_ins: Mapping[int, int | None] = field(default_factory=dict)
    """Frames that the plate lacks, and which is held in their places; None for black."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a render did."""

    written: tuple[int, ...]
    """Frames rendered by this run."""
    kept: tuple[int, ...]
    """Frames that stood complete already."""
    outputs: tuple[str, ...]


def track_shot(job: Job, progress: Progress, *, anew: bool = False) -> Tracks:
    """Give the whole shot's tracks: the saved ones if plate and settings have not changed, else new ones, saved.

    From then on the plate lacks the frames that it lacked in tracking, and no others.
    """
    tracks = None if anew else saved_tracks(job, progress)
    if tracks is None:
        check_writable(job.folder)
        tracks = find_tracks(job, job.numbers, progress, key=job.tracks_key())
        tracks.save(job.tracks_path)
    job.settle(tracks.missing)
    if tracks.missing:
        how = "black" if job.shot.missing_frames == "black" else "held from a neighbour"
        progress.note(f"missing or unreadable, and {how}: {FrameRange.of(tracks.missing)}")
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
        # What stands in for a missing frame is no motion: tracks bridge it as they bridge a frame without the face.
        seen = (f for f in counted(frames, advance, lambda frame: frame.number) if not f.missing)
        tracks = build_tracks(seen, job.colour.exposed(stops), job.shot.tracking, job.clip, key=key)
    tracks = replace(tracks, missing=job.lacking(numbers))
    if not tracks.numbers:
        raise ReadError("none of its frames can be read", path=job.clip.path, fix="restore them")
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
    stand_ins = job.stand_ins(tracks.missing)
    crops = {name: viewed[1] for output in shot.outputs if "crop" in output.passes
             for viewed in [plan.viewed(output.face)] for name in viewed[0]}  # fmt: skip
    return Scene(
        colour=job.colour,
        plan=replace(
            plan,
            held={n: other for n, other in stand_ins.items() if other is not None},
            hands=tracks.hands if shot.matte.hands == "held_out" else (),
        ),
        ager=ager,
        cuts=tracks.cuts,
        radius=shot.temporal.radius,
        strength=shot.temporal.strength,
        fingerprint=ager.fingerprint,
        asked=Asked(
            layers=len([face for face in shot.faces if face.name]) > 1,
            raw=any("delta_raw" in output.passes for output in shot.outputs),
            crops=crops,
        ),
        stand_ins=stand_ins,
    )


def render_frames(
    scene: Scene,
    frames: Iterable[Frame],
    wanted: frozenset[int],
    stack: ExitStack,
    *,
    workers: int,
    painted: Iterable[Painted] | None = None,
) -> Iterator[Render]:
    """Turn plate frames into renders of those ``wanted``; the others only feed the temporal filter.

    ``painted`` is what artists drew for each of the wanted frames, ascending; None where they drew nothing.
    Each stage runs in threads that ``stack`` joins. Frames alive: at most a dozen and the filter's ``2 radius + 1``.
    """

    def cut_frame(frame: Frame) -> FrameCrops:
        return cut(frame, scene.plan, scene.colour)

    def comp(item: tuple[FrameDeltas, Painted]) -> Render:
        frame = item[0].frame
        hands = scene.plan.hands_at(frame.number)
        drawn = held_out(item[1], hands, scene.plan.pixel_aspect, frame.window)
        return composite(item[0], scene.colour, scene.asked, drawn)

    stack.enter_context(opencv_threads(1))  # the stages fill the cores: more threads only made them wait (12 % slower)
    plate = stack.enter_context(prefetch(frames))
    crops = stack.enter_context(ordered_map(cut_frame, plate))
    aged = stack.enter_context(ordered_map(by_region(scene.ager), grouped(crops, scene.ager.group), workers=workers))
    deltas = steady(chain.from_iterable(aged), scene.radius, scene.strength, scene.cuts)
    steadied = stack.enter_context(prefetch(item for item in deltas if item.frame.number in wanted))
    return stack.enter_context(ordered_map(comp, zip(steadied, painted or repeat(Painted()), strict=False)))


def render_shot(
    job: Job, ager: Ager, numbers: Sequence[int], progress: Progress, *, workers: int, overwrite: bool
) -> Report:
    """Render ``numbers`` to every output of the shot; frames that stand complete already are kept.

    Raises the errors of every stage; frames finished before an error stay, complete, and the next run goes on there.
    """
    check_drawn(job, numbers)
    tracks = track_shot(job, progress)
    scene = stage_scene(job, tracks, ager)
    tell_empty(job, scene, tracks, progress)
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
        left = outstanding(job, open_writers, overwrite=overwrite, progress=progress)
        wanted = left.wanted
        if wanted:
            needed = with_handles(job.numbers, wanted, scene.radius)
            with ExitStack() as stages, progress.stage("render", len(wanted)) as advance:
                plate = stages.enter_context(closing(job.reader.read(needed)))  # type: ignore[type-var]
                painted = read_painted(job, scene, wanted, stages)
                renders = render_frames(scene, plate, wanted, stages, workers=workers, painted=painted)
                for number in written(renders, left.streams, stages):
                    advance(number)
                check_there([output for output, writer in open_writers if writer.parallel], wanted)
        for (_, movie), source in left.movies:
            assemble(job, movie, source, progress)
    return Report(
        written=tuple(sorted(wanted)),
        kept=tuple(n for n in numbers if n not in wanted),
        outputs=tuple(output.path for output in outputs),
    )


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
    viewed, size = scene.plan.viewed(output.face) if {"uv", "crop"} & set(output.passes) else ((), 0)
    space = job.spaces[index]
    form = [sorted(output.passes), output.codec, output.depth, space, scene.asked.layers, viewed, size]
    return Destination(
        path=output.path,
        passes=output.passes,
        codec=output.codec,
        clip=job.clip,
        colorspace=space,
        depth=output.depth,
        ocio=job.shot.ocio,
        numbers=tuple(numbers),
        faces=scene.plan.names if scene.asked.layers else (),
        viewed=viewed,
        crop_size=size,
        alpha=job.clip.alpha,
        stamps={number: digest(stamp, form) for number, stamp in stamps.items()},
    )


def frame_stamps(job: Job, scene: Scene, numbers: Sequence[int], progress: Progress) -> dict[int, str]:
    """Fingerprint every frame (see ``fingerprint.py`` for what it covers); reads the plate's files, and rotos'."""

    def content(number: int) -> str:
        if number not in scene.stand_ins:
            return job.plate_digest(number)
        other = scene.stand_ins[number]
        return digest("black") if other is None else digest("hold", other, job.plate_digest(other))

    needed = with_handles(job.numbers, frozenset(numbers), scene.radius)
    own = {}
    with progress.stage("plate", len(needed)) as advance, ordered_map(content, needed, workers=2) as plate:
        for n, digested in zip(needed, plate, strict=True):
            own[n] = digest(digested, n in scene.cuts, *scene.plan.dependencies(n))
            advance(n)
    matte = job.shot.matte.model_dump(mode="json", exclude={"file", "hold_out", "hands"})
    temporal = job.shot.temporal.model_dump(mode="json")
    stamps = window_digests(own, numbers, scene.radius, [__version__, scene.fingerprint, matte, temporal])
    for n in numbers:
        for hand, row in scene.plan.hands_at(n):  # of this frame's matte alone, as rotos are
            stamps[n] = digest(stamps[n], hand.points[row].tobytes(), hand.motion[row].tobytes(),
                               float(hand.size[row]), float(hand.presence[row]))  # fmt: skip
    with opened_rotos(job, scene) as rotos:
        return {n: digest(stamp, rotos.digest(n)) for n, stamp in stamps.items()} if rotos else stamps


def opened_rotos(job: Job, scene: Scene) -> closing[Rotos]:
    """Open every roto, hold-out and painted map that the shot names for a face it shows."""
    wanted = [Wanted(path=path, use=use, faces=None) for use, path in _files(job.shot.matte)]
    for face in scene.plan.faces:
        if face.shown is not None:
            one = (face.track.face,)
            wanted += [Wanted(path=path, use=use, faces=one) for use, path in _files(face.shown.matte)]
            if face.shown.regions.map is not None:
                wanted.append(Wanted(path=face.shown.regions.map, use="map", faces=one, size=face.size))
    with placed(job.shot, "matte"):
        return closing(Rotos(wanted, (job.clip.width, job.clip.height), job.clip.first))


def check_drawn(job: Job, numbers: Sequence[int]) -> None:
    """See, before a shot is tracked, that every roto, hold-out and painted map it names has a picture for these frames.

    Raises what ``Rotos`` raises.
    """
    shot = job.shot
    mattes = [path for matte in (shot.matte, *(face.matte for face in shot.faces)) for path in _files(matte)]
    wanted = [Wanted(path=path, use=use, faces=None) for use, path in mattes]
    wanted += [Wanted(path=f.regions.map, use="map", faces=None) for f in shot.faces if f.regions.map is not None]
    with placed(shot, "matte"), closing(Rotos(wanted, (job.clip.width, job.clip.height), job.clip.first)) as rotos:
        rotos.check(numbers)


def tell_empty(job: Job, scene: Scene, tracks: Tracks, progress: Progress) -> None:
    """Say of a shot in which no face was found whom it names, and which frames were looked at."""
    if not scene.plan.faces:
        names = ", ".join(f"`{face.name}`" for face in job.shot.faces if face.name) or "every face"
        progress.note(
            f"{names}: not found, no face in frames {FrameRange.of(tracks.numbers)}: "
            "beauty is the plate, delta is zero and matte is black"
        )


def _files(matte: Roto) -> Iterator[tuple[Use, str]]:
    if matte.file is not None:
        yield "file", matte.file
    if matte.hold_out is not None:
        yield "hold_out", matte.hold_out


def read_painted(job: Job, scene: Scene, wanted: frozenset[int], stack: ExitStack) -> Iterator[Painted] | None:
    """What artists drew for each of ``wanted``, ascending, read ahead until ``stack`` ends; None where they did not."""
    rotos = stack.enter_context(opened_rotos(job, scene))
    return stack.enter_context(rotos.read(sorted(wanted))) if rotos else None


def with_handles(whole: Sequence[int], wanted: frozenset[int], radius: int) -> list[int]:
    """Frames of the shot that the temporal filter sees when it makes ``wanted``: a pre-roll and post-roll each side."""
    near = {n + k for n in wanted for k in range(-radius, radius + 1)}
    return [n for n in whole if n in near]


def grouped(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Take ``items`` in tuples of ``size``; the last may be shorter."""
    source = iter(items)
    while group := tuple(islice(source, size)):
        yield group
