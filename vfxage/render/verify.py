"""Verification: every frame of a shot's outputs is read back and compared with its plate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from vfxage import __version__
from vfxage.errors import ReadError
from vfxage.frames import FrameRange, Pattern
from vfxage.media import open_writer, other_versions
from vfxage.media.base import Destination, Flaw, Writer
from vfxage.pool import ordered_map, prefetch
from vfxage.progress import Progress
from vfxage.render.job import Job
from vfxage.render.on_disk import outputs_on_device
from vfxage.render.tracking import saved_tracks
from vfxage.shot.outputs import MOVIES
from vfxage.types import Frame

_UNTRACKED = (
    "was made from another plate or range, or with other tracking settings: no tracks are saved for the present ones"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What verification found in one output."""

    path: str
    numbers: tuple[int, ...]
    """Frames that it should hold."""
    flaws: Mapping[int, Flaw]
    """What is wrong, by frame; correct frames are left out."""
    leftover: str = ""
    """Files of this sequence that do not belong to the shot: frame numbers, and names with another number of digits."""

    def described(self) -> dict[str, Any]:
        """As plain data: counts, then runs of frames with the same flaw."""
        count = {kind: sum(flaw.kind == kind for flaw in self.flaws.values()) for kind in _KINDS}
        return {
            "path": self.path,
            "expected": len(self.numbers),
            "right": len(self.numbers) - len(self.flaws),
            **count,
            "leftover": self.leftover,
            "flaws": [{"frames": frames, "kind": flaw.kind, "what": flaw.what} for frames, flaw in self.grouped()],
        }

    def grouped(self) -> Iterator[tuple[str, Flaw]]:
        """Frames as a range, and the flaw they share; in the order of their first frames."""
        items = sorted(self.flaws.items(), key=lambda item: (item[1].kind, item[1].what, item[0]))
        groups = [([n for n, _ in run], flaw) for flaw, run in groupby(items, key=lambda item: item[1])]
        for numbers, flaw in sorted(groups, key=lambda group: group[0]):
            yield str(FrameRange.of(numbers)), flaw


_KINDS = ("missing", "unreadable", "foreign", "stale", "wrong")


def verify_shot(job: Job, numbers: Sequence[int], progress: Progress, *, device: str = "auto") -> list[Verdict]:
    """Read back these frames of every output and compare them with the plate, as rendered on ``device``.

    With "auto" the device is the one that the first frame names. A movie is one file: it is right if it holds these
    frames, or more frames of the shot. Files in a folder that do not belong to the shot are no flaws, but a note names
    them. The plate is read once. Raises ReadError if a plate file is gone.
    """
    tracks = saved_tracks(job, progress)
    if tracks is None:
        untracked = [_untracked(output.path, numbers) for output in job.shot.outputs]
        return [_with_leftover(job, _with_versions(verdict), progress) for verdict in untracked]
    job = job.with_missing(tracks.missing)
    spans = [_movie_span(job, output.path, numbers) for output in job.shot.outputs]
    outputs = outputs_on_device(job, tracks, spans, device)
    flaws: dict[str, dict[int, Flaw]] = {output.path: {} for output in outputs}
    wanted = sorted({number for output in outputs for number in output.numbers})
    with ExitStack() as stack, progress.stage("verify", len(wanted)) as advance:
        beside = tuple(outputs)
        writers = [(o, stack.enter_context(open_writer(replace(o, beside=beside)))) for o in outputs]
        plate = stack.enter_context(prefetch(_plate(job, wanted)))
        sequences = [(o, w) for o, w in writers if w.parallel]
        movies = [(o, w) for o, w in writers if not w.parallel]
        checked = stack.enter_context(ordered_map(lambda item: (item, _found(item, sequences)), plate, workers=2))
        for (number, frame), found in checked:
            for path, flaw in (*found, *_found((number, frame), movies)):
                flaws[path][number] = flaw
            advance(number)
    verdicts = [Verdict(path=o.path, numbers=o.numbers, flaws=flaws[o.path]) for o in outputs]
    return [_with_leftover(job, _with_versions(verdict), progress) for verdict in verdicts]


def _with_versions(verdict: Verdict) -> Verdict:
    """Say of outdated frames which other version of vfxage made them, as on a farm with mixed versions."""
    stale = [number for number, flaw in verdict.flaws.items() if flaw.kind == "stale"]
    versions = {
        number: Flaw("stale", f"was made by vfxage {version}, this is vfxage {__version__}")
        for version, frames in other_versions(verdict.path, stale).items()
        for number in frames
    }
    return replace(verdict, flaws={**verdict.flaws, **versions})


def _with_leftover(job: Job, verdict: Verdict, progress: Progress) -> Verdict:
    """Add the files in the folder that do not belong to the shot, and tell the user about them.

    They are there after a range got shorter, or after the number of digits changed. A compositor who reads the folder
    gets them with the others.
    """
    pattern = Pattern.parse(verdict.path)
    if pattern.digits is None or not pattern.folder.is_dir():
        return verdict
    found, whole = pattern.listed(), frozenset(job.numbers)
    numbers = [number for number in sorted((*found.files, *found.dead)) if number not in whole]
    leftover = " ".join([*([str(FrameRange.of(numbers))] if numbers else []), *found.strays])
    if leftover:
        progress.note(f"{verdict.path}: these files do not belong to the shot (any more): {leftover}")
    return replace(verdict, leftover=leftover)


def _movie_span(job: Job, path: str, numbers: Sequence[int]) -> Sequence[int]:
    if Path(path).suffix.lower() not in MOVIES or len(numbers) == len(job.numbers):
        return numbers
    from vfxage.media.movie import held_frames

    held = held_frames(Path(path))
    return held if set(numbers) <= set(held) <= set(job.numbers) else numbers


def _untracked(path: str, numbers: Sequence[int]) -> Verdict:
    pattern = Pattern.parse(path)
    there = {number: pattern.path(number).exists() for number in numbers}
    flaws = {n: Flaw("stale", _UNTRACKED) if there[n] else Flaw("missing", "does not exist") for n in numbers}
    return Verdict(path=path, numbers=tuple(numbers), flaws=flaws)


def _plate(job: Job, numbers: Sequence[int]) -> Iterator[tuple[int, Frame | Flaw]]:
    """The plate's frames; a Flaw replaces a frame that cannot be read."""
    left = list(numbers)
    while left:
        try:
            with closing(job.reader.read(tuple(left))) as frames:
                for frame in frames:
                    left.remove(frame.number)
                    yield frame.number, frame
        except ReadError as error:
            if not left:
                raise
            yield left.pop(0), Flaw("unreadable", f"cannot be compared with its plate frame, which {error.what}")


def _found(item: tuple[int, Frame | Flaw], writers: Sequence[tuple[Destination, Writer]]) -> list[tuple[str, Flaw]]:
    number, frame = item
    found = []
    for output, writer in writers:
        if number in output.numbers:
            flaw = frame if isinstance(frame, Flaw) else writer.check(frame)
            if flaw is not None:
                found.append((output.path, flaw))
    return found
