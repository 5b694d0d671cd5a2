"""Resume: the frames that each output still needs, and the movies that can be made from finished frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vfxage import __version__
from vfxage.colour.conversion import Conversion
from vfxage.errors import OutputError, WriteError, count_of
from vfxage.frames import FrameRange, Pattern
from vfxage.media import other_versions, written_by_vfxage
from vfxage.media.base import Destination, Writer
from vfxage.pool import ordered_map
from vfxage.progress import Progress
from vfxage.publish import check_writable
from vfxage.render.job import Job
from vfxage.shot.outputs import MOVIES

Open = tuple[Destination, Writer]
"""An output and its open writer."""


def source_of(movie: Destination, outputs: Sequence[Destination]) -> Destination | None:
    """The first EXR sequence among the outputs that holds every pass ``movie`` is made of; None without one."""
    needed = {"delta" if name == "beauty" else name for name in movie.passes}
    return next((output for output in outputs if _serves(output) and needed <= set(output.passes)), None)


def movies_of(job: Job) -> list[tuple[Destination, Destination | None]]:
    """The shot's movies, each with the EXR sequence that it can be assembled from; None without one."""
    outputs = [
        Destination(
            path=output.path,
            passes=output.passes,
            codec=output.codec,
            compression=output.compression or "zips",
            clip=job.clip,
            colorspace=space,
            ocio=job.shot.ocio,
            numbers=job.numbers,
        )
        for output, space in zip(job.shot.outputs, job.spaces, strict=True)
    ]
    return [(o, source_of(o, outputs)) for o in outputs if Path(o.path).suffix.lower() in MOVIES]


def _serves(output: Destination) -> bool:
    if Path(output.path).suffix.lower() != ".exr" or output.lossy:
        return False
    return Conversion(output.clip, output.colorspace, output.ocio).same_light


@dataclass(frozen=True, slots=True, kw_only=True)
class Outstanding:
    """The work that is left for each output."""

    streams: tuple[tuple[Writer, frozenset[int]], ...]
    """Outputs that take frames as they are rendered, and the frames that each still needs."""
    movies: tuple[tuple[Open, Destination], ...]
    """Movies to assemble afterwards, each with its sequence."""

    @property
    def wanted(self) -> frozenset[int]:
        """Frames to render."""
        return frozenset().union(*(needed for _, needed in self.streams))


def check_outputs(job: Job, numbers: Sequence[int], *, overwrite: bool) -> None:
    """Look at the places of all outputs before the shot is tracked, which may take long.

    Raises OutputError for a folder that cannot be written to, and for a frame of another program unless ``overwrite``.
    ``outstanding`` looks at movies: whether a chunk writes one depends on the other outputs.
    """
    for output in job.shot.outputs:
        check_writable(Path(output.path).parent)
        if overwrite or Path(output.path).suffix.lower() in MOVIES:
            continue
        pattern = Pattern.parse(output.path)
        for file in map(pattern.path, numbers):
            if file.exists() and not written_by_vfxage(file):
                raise _not_ours(file)


def _not_ours(file: Path) -> OutputError:
    fix = "choose another path, or use --overwrite to replace it"
    return OutputError("exists already and was not written by vfxage", path=file, fix=fix)


def outstanding(job: Job, outputs: Sequence[Open], *, overwrite: bool, progress: Progress) -> Outstanding:
    """Find out what each output still needs.

    A movie that can be assembled from a sequence takes rendered frames only if that sequence needs all its frames too.
    Otherwise it is assembled afterwards. A chunk of the shot never writes such a movie. Raises OutputError if a file
    that vfxage did not write is in the way, or if a chunk would replace a movie of other frames.
    """
    chunk = len(outputs[0][0].numbers) != len(job.numbers)
    sources = {o.path: source_of(o, [d for d, _ in outputs]) for o, writer in outputs if not writer.parallel}
    needed: dict[str, frozenset[int]] = {}
    for output, writer in sorted(outputs, key=lambda item: not item[1].parallel):
        if chunk and sources.get(output.path):
            needed[output.path] = frozenset()
            progress.note(f"{output.path}: `vfxage assemble` makes this movie when all chunks are rendered")
        else:
            needed[output.path] = frozenset(output.numbers) if overwrite else unfinished(writer, output, progress)
    alone = all(not writer.parallel for _, writer in outputs)
    for output, writer in outputs:
        if chunk and needed[output.path] and not overwrite and set(writer.held()) - set(output.numbers):
            _keep(output, writer, alone, progress)
            needed[output.path] = frozenset()
    movies = []
    for output, writer in outputs:
        source = sources.get(output.path)
        if source and needed[output.path] and len(needed[source.path]) < len(output.numbers):
            needed[output.path] = frozenset()
            movies.append(((output, writer), source))
    return Outstanding(streams=tuple((w, needed[o.path]) for o, w in outputs), movies=tuple(movies))


def _keep(output: Destination, writer: Writer, alone: bool, progress: Progress) -> None:
    """Keep a movie that holds other frames than this chunk's; an error if the shot has no other output."""
    held = FrameRange.of(writer.held())
    if alone:
        raise OutputError(
            f"already holds frames {held}; a movie cannot be extended by a chunk",
            path=output.path,
            fix="add an OpenEXR output with delta and matte and run `vfxage assemble` at the end, or use --overwrite",
        )
    progress.note(f"{output.path} holds frames {held} and is kept; use --overwrite to replace it by this chunk")


def unfinished(writer: Writer, output: Destination, progress: Progress) -> frozenset[int]:
    """Frames that this output does not yet hold complete and up to date.

    Raises OutputError if a file that vfxage did not write is in the place of one of them.
    """
    workers = 2 if writer.parallel else 1
    found = []
    with (
        progress.stage("check", len(output.numbers)) as advance,
        ordered_map(writer.finished, output.numbers, workers=workers) as answers,
    ):
        for number, finished in zip(output.numbers, answers, strict=True):
            if not finished:
                found.append(number)
            advance(number)
    for number in found:
        foreign = writer.foreign(number)
        if foreign is not None:
            raise _not_ours(foreign)
    return frozenset(found)


def told_versions(path: str, numbers: Iterable[int]) -> str:
    """A clause on frames that other versions of vfxage wrote: " (1-8 made by vfxage 0.1.0; this is ...)"."""
    found = other_versions(path, numbers)
    told = [f"{FrameRange.of(frames)} made by vfxage {version}" for version, frames in sorted(found.items())]
    return f" ({', '.join(told)}; this is vfxage {__version__})" if told else ""


def check_complete(source: Destination, writer: Writer, progress: Progress) -> None:
    """Raise WriteError that names the frames of a sequence that are missing or out of date."""
    bad = unfinished(writer, source, progress)
    if bad:
        what = f"{len(bad)} of {count_of(len(source.numbers), 'frame')} missing, incomplete or out of date"
        versions = told_versions(source.path, sorted(bad))
        raise WriteError(
            f"{what}: {FrameRange.of(bad)}{versions}", path=source.path, fix="run `vfxage render` on them first"
        )


def check_written(outputs: Sequence[Destination], numbers: Iterable[int]) -> None:
    """Raise WriteError if a frame that was written has disappeared, for example because its folder was deleted."""
    for output in outputs:
        pattern = Pattern.parse(output.path)
        gone = [number for number in numbers if not pattern.path(number).exists()]
        if gone:
            what = f"{count_of(len(gone), 'frame')} disappeared after being written: {FrameRange.of(gone)}"
            fix = "check what deletes files in this folder, then run the same command again"
            raise WriteError(what, path=output.path, fix=fix)
