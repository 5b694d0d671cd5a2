"""Movies made of the OpenEXR frames that a chunked render wrote, with the bytes of a movie from a whole render.

The beauty is not read. It is plate plus delta, added in float as the render does it. So the sequence must hold the
delta, in the plate's own linear space. A matte is half in both.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np

from vfxage.errors import ReadError, ShotError
from vfxage.frames import Pattern
from vfxage.media import open_writer, read_passes
from vfxage.media.base import Destination, Writer
from vfxage.pool import ordered_map, prefetch
from vfxage.progress import Progress
from vfxage.render.job import Job
from vfxage.render.on_disk import outputs_on_device, rendered_tracks
from vfxage.render.resume import Open, check_complete, source_of, unfinished
from vfxage.types import F32, Frame, Render


def assemble_shot(
    job: Job, progress: Progress, *, device: str = "auto", overwrite: bool = False
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Make the movies of a shot from its complete OpenEXR frames; give the paths of movies made and of movies kept.

    Raises ShotError if the shot has no movie, or no EXR sequence holds a movie's passes; WriteError if
    frames are missing or out of date.
    """
    tracks = rendered_tracks(job, progress)
    job = job.with_missing(tracks.missing)
    outputs = outputs_on_device(job, tracks, [job.numbers] * len(job.shot.outputs), device)
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
                raise ShotError("cannot be assembled: no EXR sequence holds all its passes", path=movie.path, fix=fix)
            if not overwrite and not unfinished(writer, movie, progress):
                kept.append(movie.path)
                continue
            check_complete(source, next(w for o, w in opened if o is source), progress)
            assemble(job, writer, source, progress)
            made.append(movie.path)
    return tuple(made), tuple(kept)


def assemble(job: Job, movie: Writer, source: Destination, progress: Progress) -> None:
    """Write a movie from the complete frames of ``source``. Raises ReadError, WriteError."""
    numbers, pattern = source.numbers, Pattern.parse(source.path)

    def rendered(frame: Frame) -> Render:
        return _render(frame, pattern.path(frame.number))

    with (
        progress.stage("assemble", len(numbers)) as advance,
        closing(job.reader.read(numbers)) as plate,
        prefetch(plate) as frames,
        ordered_map(rendered, frames, workers=2) as renders,
    ):
        for render in renders:
            movie.write(render)
            advance(render.number)


def _render(frame: Frame, path: Path) -> Render:
    """The render whose delta and matte lie in ``path``; passes that it does not hold are zero."""
    planes = read_passes(path, frame.number)
    shape = frame.window.shape
    black: F32 = np.zeros(shape, np.float32)
    matte = np.asarray(planes.get("matte.A", black), np.float32)
    delta = np.stack([planes.get(f"delta.{letter}", black) for letter in "RGB"], axis=2)
    if delta.shape[:2] != shape:
        raise ReadError("has another data window than its plate", path=path, frame=frame.number, fix="render it again")
    beauty = frame.rgb.copy()
    np.add(frame.rgb, delta, out=beauty, where=delta != 0)
    return Render(frame=frame, beauty=beauty, delta=delta, matte=matte)
