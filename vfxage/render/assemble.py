"""Movies made of the OpenEXR frames that parts of a render left, to the bytes of a movie that a whole render writes.

The beauty is not read but added up, plate plus delta, in float as the render did; so the sequence must hold the delta,
in the plate's own linear space. A matte is half in either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vfxage.colour.conversion import Conversion
from vfxage.errors import OutputError, ReadError, WriteError
from vfxage.frames import FrameRange, Pattern
from vfxage.media import read_passes
from vfxage.media.base import Destination, Writer
from vfxage.pool import ordered_map, prefetch
from vfxage.progress import Progress
from vfxage.render.job import Job
from vfxage.shot.outputs import MOVIES
from vfxage.types import F32, Frame, Render

Open = tuple[Destination, Writer]


def source_of(movie: Destination, outputs: Sequence[Destination]) -> Destination | None:
    """The sequence among a shot's outputs that has all of which ``movie`` can be made; None where there is none."""
    needed = {"delta" if name == "beauty" else name for name in movie.passes}
    return next((output for output in outputs if _serves(output) and needed <= set(output.passes)), None)


def movies_of(job: Job) -> list[tuple[Destination, Destination | None]]:
    """The shot's movies, each with the sequence that it can be assembled from."""
    outputs = [
        Destination(
            path=output.path,
            passes=output.passes,
            codec=output.codec,
            clip=job.clip,
            colorspace=space,
            ocio=job.shot.ocio,
            numbers=job.numbers,
        )
        for output, space in zip(job.shot.outputs, job.spaces, strict=True)
    ]
    return [(o, source_of(o, outputs)) for o in outputs if Path(o.path).suffix.lower() in MOVIES]


def _serves(output: Destination) -> bool:
    if Path(output.path).suffix.lower() != ".exr":
        return False
    plate = output.clip.colorspace or output.colorspace
    return Conversion(plate, output.colorspace, output.ocio).same_light


@dataclass(frozen=True, slots=True, kw_only=True)
class Outstanding:
    """What a render still has to do for each output."""

    streams: tuple[tuple[Writer, frozenset[int]], ...]
    """Outputs that take frames as they are rendered, and the frames they lack."""
    movies: tuple[tuple[Open, Destination], ...]
    """Movies to assemble afterwards, each with its sequence."""

    @property
    def wanted(self) -> frozenset[int]:
        """Frames to render."""
        return frozenset().union(*(lacking for _, lacking in self.streams))


def outstanding(job: Job, outputs: Sequence[Open], *, overwrite: bool, progress: Progress) -> Outstanding:
    """Find out what each output lacks. A movie that could be assembled from a sequence takes frames as they come only
    where that sequence lacks them all: a part of the shot never writes it, and a render that goes on assembles it.

    Raises OutputError where a file that is not ours stands in the way, or where a part would wipe out another's movie.
    """
    part = len(outputs[0][0].numbers) != len(job.numbers)
    sources = {o.path: source_of(o, [d for d, _ in outputs]) for o, writer in outputs if not writer.parallel}
    lacking: dict[str, frozenset[int]] = {}
    for output, writer in sorted(outputs, key=lambda item: not item[1].parallel):
        if part and sources.get(output.path):
            lacking[output.path] = frozenset()
            progress.note(f"{output.path} is made of all parts at the end, by `vfxage assemble` or --cluster itself")
        else:
            lacking[output.path] = frozenset(output.numbers) if overwrite else lacking_frames(writer, output, progress)
    alone = all(not writer.parallel for _, writer in outputs)
    for output, writer in outputs:
        if part and lacking[output.path] and not overwrite and set(writer.held()) - set(output.numbers):
            _keep(output, writer, alone, progress)
            lacking[output.path] = frozenset()
    movies = []
    for output, writer in outputs:
        source = sources.get(output.path)
        if source and lacking[output.path] and len(lacking[source.path]) < len(output.numbers):
            lacking[output.path] = frozenset()
            movies.append(((output, writer), source))
    return Outstanding(streams=tuple((w, lacking[o.path]) for o, w in outputs), movies=tuple(movies))


def _keep(output: Destination, writer: Writer, alone: bool, progress: Progress) -> None:
    """A movie that holds other frames than this part's stays as it is; an error where the shot has nothing else."""
    held = FrameRange.of(writer.held())
    if alone:
        raise OutputError(
            f"holds frames {held}, and a movie cannot grow by a part",
            path=output.path,
            fix="add an OpenEXR output with delta and matte, and `vfxage assemble` it at the end; or say --overwrite",
        )
    progress.note(f"{output.path} holds frames {held} and is kept as it is; --overwrite replaces it by this part")


def lacking_frames(writer: Writer, output: Destination, progress: Progress) -> frozenset[int]:
    """Frames this output still lacks; raises OutputError where a file that is not ours stands in the way."""
    workers = 2 if writer.parallel else 1
    lacking = []
    with (
        progress.stage("check", len(output.numbers)) as advance,
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
    return frozenset(lacking)


def assemble(job: Job, movie: Writer, source: Destination, progress: Progress) -> None:
    """Write a movie of the frames of ``source``, which stand complete. Raises ReadError, WriteError."""
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


def check_complete(source: Destination, writer: Writer, progress: Progress) -> None:
    """Raise WriteError that names the frames of a sequence that are missing or out of date."""
    lacking = lacking_frames(writer, source, progress)
    if lacking:
        raise WriteError(
            f"{len(lacking)} of {len(source.numbers)} frames are missing, torn or old: {FrameRange.of(lacking)}",
            path=source.path,
            fix="run `vfxage render` on them first",
        )


def check_there(outputs: Sequence[Destination], numbers: Iterable[int]) -> None:
    """Raise WriteError where a frame that was written is gone again, as when somebody deletes the folder meanwhile."""
    for output in outputs:
        pattern = Pattern.parse(output.path)
        gone = [number for number in numbers if not pattern.path(number).exists()]
        if gone:
            what = f"{len(gone)} frames were written and are gone again: {FrameRange.of(gone)}"
            raise WriteError(what, path=output.path, fix="see who deletes them, then run the same command again")


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
