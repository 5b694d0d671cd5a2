"""Frames that stand, on whatever host: which kind of device made them, whether all are there, movies made of them.

No ager runs here, so a host without a GPU judges and assembles what a farm of GPUs has rendered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

from vfxage.ager import device_kind, load_ager
from vfxage.errors import ShotError, WriteError
from vfxage.face.track import Tracks
from vfxage.frames import FrameRange
from vfxage.media import open_writer
from vfxage.media.base import Destination
from vfxage.progress import Progress
from vfxage.render.assemble import Open, assemble, check_complete, lacking_frames, source_of
from vfxage.render.job import Job
from vfxage.render.pipeline import Scene, destination, frame_stamps, saved_tracks, stage_scene

Expected = Callable[[Scene], Sequence[Destination]]


def standing_scene(job: Job, tracks: Tracks, device: str, expected: Expected) -> Scene:
    """The scene by which frames on disk are judged: as rendered on ``device``, or for "auto" on the kind of device that
    the first frame which stands names. Raises what ``load_ager`` and ``stage_scene`` raise.
    """
    job.settle(tracks.missing)
    ager = load_ager(job.shot.model, "cpu")
    scene = stage_scene(job, tracks, ager)
    kind = device_kind(device)
    other = replace(scene, fingerprint=ager.other_device_fingerprint)
    if kind == "cpu" or ager.other_device_fingerprint == ager.fingerprint:
        return scene
    return other if kind == "cuda" or _made_elsewhere(expected(scene), expected(other)) else scene


def _made_elsewhere(here: Sequence[Destination], there: Sequence[Destination]) -> bool:
    for own, other in zip(here, there, strict=True):
        with open_writer(own) as mine, open_writer(other) as others:
            for number in own.numbers:
                if mine.finished(number):
                    return False
                if others.finished(number):
                    return True
    return False


def assemble_shot(
    job: Job, progress: Progress, *, device: str = "auto", overwrite: bool = False
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Make the movies of a shot whose OpenEXR frames all stand complete; the paths of those made, and of those kept.

    Raises ShotError where the shot has no movie, or a movie has no sequence that it could be made of; WriteError where
    frames are missing or out of date.
    """
    outputs = _outputs(job, job.numbers, device, progress)
    made, kept = [], []
    with ExitStack() as writers:
        opened: list[Open] = [(output, writers.enter_context(open_writer(output))) for output in outputs]
        movies = [(output, writer) for output, writer in opened if not writer.parallel]
        if not movies:
            raise ShotError("has no movie among its outputs", path=job.shot.path, fix="add one, or leave this step out")
        for movie, writer in movies:
            source = source_of(movie, outputs)
            if source is None:
                fix = "add delta (and matte) to an OpenEXR output in the plate's colour space"
                raise ShotError("cannot be assembled, no sequence has all of it", path=movie.path, fix=fix)
            if not overwrite and not lacking_frames(writer, movie, progress):
                kept.append(movie.path)
                continue
            check_complete(source, next(w for o, w in opened if o is source), progress)
            assemble(job, writer, source, progress)
            made.append(movie.path)
    return tuple(made), tuple(kept)


def check_parts(job: Job, numbers: Sequence[int], progress: Progress, *, device: str) -> None:
    """See that all parts of a render are there: raises WriteError naming frames of sequences that are not, or are not
    of one kind of device and version of vfxage."""
    for output in _outputs(job, numbers, device, progress):
        with open_writer(output) as writer:
            lacking = lacking_frames(writer, output, progress) if writer.parallel else ()
        if lacking:
            what = f"{len(lacking)} of {len(numbers)} frames are not there, or of another kind of host or vfxage"
            fix = "see that workers share this folder, are alike and run this version, then run the same command again"
            raise WriteError(f"{what}: {FrameRange.of(lacking)}", path=output.path, fix=fix)


def _outputs(job: Job, numbers: Sequence[int], device: str, progress: Progress) -> list[Destination]:
    """What a render of ``numbers`` has left, as the tracks of the shot say. Raises WriteError where there are none."""
    tracks = saved_tracks(job, progress)
    if tracks is None:
        fix = "run `vfxage render` first"
        raise WriteError("no frames of this plate, with these settings, have been rendered", path=job.folder, fix=fix)

    def expected(scene: Scene) -> list[Destination]:
        stamps = frame_stamps(job, scene, numbers, progress)
        return [destination(job, scene, index, numbers, stamps) for index in range(len(job.shot.outputs))]

    return expected(standing_scene(job, tracks, device, expected))
