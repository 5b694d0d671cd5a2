"""Many pictures, aged one after the other in bounded memory; a picture that fails does not stop the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from vfxage.ager import Ager
from vfxage.errors import LostFaceError, ModelError, OutputError, ReadError, VfxageError
from vfxage.face.track import Finders, open_finders
from vfxage.pictures.listing import Picture
from vfxage.pictures.results import Form, Result, refuse_foreign, result_paths, results_of
from vfxage.pictures.still import Still, find_faces_of, open_picture
from vfxage.pool import ordered_map, prefetch
from vfxage.process import opencv_threads
from vfxage.progress import Progress
from vfxage.publish import check_writable, sweep
from vfxage.shot import Shot

_OF_ONE_PICTURE = (ReadError, LostFaceError, ModelError)
"""Errors that concern one picture, so that the others go on."""
_NAMED = 3
"""Pictures that a note names; more are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StillOptions:
    """What is asked of every picture."""

    shot: Shot
    ages: tuple[float, ...]
    form: Form
    workers: int
    overwrite: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """A picture that could not be aged."""

    picture: Picture
    error: VfxageError


@dataclass(slots=True)
class Outcome:
    """What a run did."""

    written: int = 0
    """Files."""
    kept: int = 0
    """Files that were complete already."""
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A picture whose faces are found, and the files that it still needs."""

    picture: Picture
    kept: int = 0
    still: Still | None = None
    needed: tuple[Result, ...] = ()
    error: VfxageError | None = None


class _Notes:
    """Notes on pictures: each text once, with the pictures that it is about."""

    def __init__(self) -> None:
        self._pictures: dict[str, list[str]] = {}

    def add(self, picture: Picture, notes: Sequence[str]) -> None:
        """Remember what the reader of a picture and the writers of its results say."""
        for note in dict.fromkeys(notes):
            self._pictures.setdefault(note, []).append(str(picture.place))

    def show(self, progress: Progress) -> None:
        """Print every note once."""
        for note, names in self._pictures.items():
            more = len(names) - _NAMED
            listed = ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
            progress.note(f"{listed}: {note}")


def render_stills(
    pictures: Sequence[Picture],
    ager: Ager,
    options: StillOptions,
    progress: Progress,
    report: Callable[[Problem], None],
) -> Outcome:
    """Age every picture to every age and write what is missing; ``report`` gets each picture that fails, at once.

    While one picture is rendered, the next one is read. Results that carry the right stamp are kept. Raises OutputError
    before anything is written if a result would replace a picture, or a file that vfxage did not write; WriteError if a
    file cannot be written.
    """
    _check_results(pictures, options)
    outcome, notes = Outcome(), _Notes()
    with (
        opencv_threads(1),
        open_finders(options.shot.tracking.min_face) as finders,
        progress.stage("stills", len(pictures), "picture") as advance,
        prefetch(_prepared(pictures, _Tools(ager, finders), options, notes), ahead=1) as prepared,
    ):
        for count, item in enumerate(prepared, 1):
            error = item.error
            outcome.kept += item.kept
            if item.still is not None:
                try:
                    outcome.written += _write(item.still, item.needed, options.workers)
                except _OF_ONE_PICTURE as failed:
                    error = type(failed)(failed.what, path=item.picture.path, fix=failed.fix)
            if error is not None:
                outcome.problems.append(Problem(item.picture, error))
                report(outcome.problems[-1])
            advance(count)
    notes.show(progress)
    return outcome


def _check_results(pictures: Sequence[Picture], options: StillOptions) -> None:
    """Make the output folder, and refuse results that would replace something else."""
    check_writable(options.form.out)
    own = {os.path.realpath(picture.path) for picture in pictures}
    for picture in pictures:
        for _, path, _ in result_paths(picture, options.ages, options.form):
            if os.path.realpath(path) in own:
                raise OutputError("would replace a picture of this run", path=path, fix="choose another --out")
            if not options.overwrite:
                refuse_foreign(path)
    for home in {options.form.out / picture.place.parent for picture in pictures}:
        with suppress(OSError):
            sweep(home)


@dataclass(frozen=True, slots=True)
class _Tools:
    """What stays loaded from picture to picture."""

    ager: Ager
    finders: Finders


def _prepared(pictures: Sequence[Picture], tools: _Tools, options: StillOptions, notes: _Notes) -> Iterator[_Prepared]:
    for picture in pictures:
        try:
            yield _prepare(picture, tools, options, notes)
        except _OF_ONE_PICTURE as error:
            error.frame = None  # a picture has no frame number that its user knows
            yield _Prepared(picture, error=error)


def _prepare(picture: Picture, tools: _Tools, options: StillOptions, notes: _Notes) -> _Prepared:
    """Open a picture, find out which results it needs, and only then read it and find its faces."""
    if picture.fault:
        raise ReadError(picture.fault, path=picture.path, fix="correct its age, or give one with --source-age")
    job = open_picture(picture.path, options.shot, picture.age)
    try:
        number = job.numbers[0]
        results = results_of(picture, job, tools.ager, options.ages, options.form)
        needed = tuple(one for one in results if options.overwrite or not one.writer.finished(number))
        kept = len(results) - len(needed)
        if not needed:
            return _Prepared(picture, kept)
        still = find_faces_of(job, tools.ager, tools.finders)
        notes.add(picture, [*job.clip.notes, *(note for one in results for note in _generally(one))])
        return _Prepared(picture, kept, still, needed)
    finally:
        job.reader.close()


def _generally(result: Result) -> list[str]:
    """The writer's notes without the name of the file: they are the same for every picture."""
    return [note.replace(f"{result.path.name} ", "the result ").replace(f"{result.path.name}:", "the result:")
            for note in result.writer.notes if not result.comparison]  # fmt: skip


def _write(still: Still, needed: Sequence[Result], workers: int) -> int:
    """Render the picture once for each age, and write its files."""
    by_age: dict[float, list[Result]] = {}
    for result in needed:
        by_age.setdefault(result.age, []).append(result)

    def write_age(age: float) -> int:
        render = still.at(age)
        for result in by_age[age]:
            result.write(render, still.job)
        return len(by_age[age])

    with ordered_map(write_age, by_age, workers=workers) as counts:
        return sum(counts)
