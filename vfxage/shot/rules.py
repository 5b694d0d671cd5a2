"""What a shot file may not say although each of its values is fine on its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from vfxage.errors import ShotError
from vfxage.frames import Pattern
from vfxage.shot.document import Place
from vfxage.shot.models import Shot
from vfxage.shot.outputs import ALPHA_CODEC, MOVIES, Output


@dataclass(frozen=True, slots=True)
class Misfit:
    """One broken rule."""

    place: Place
    what: str
    """A sentence that names the value."""
    fix: str


def misfits(shot: Shot) -> Iterator[Misfit]:
    """Every broken rule of a shot, in the order of the file's keys."""
    yield from _plate(shot)
    yield from _faces(shot)
    for index, output in enumerate(shot.outputs):
        yield from _output(shot, output, ("outputs", index))
    yield from _collisions(shot)


def _plate(shot: Shot) -> Iterator[Misfit]:
    if problem := _pattern_problem(shot.plate):
        yield Misfit(("plate",), *problem)
    elif shot.first_frame is not None and Pattern.is_sequence(shot.plate):
        yield Misfit(
            ("first_frame",),
            "`first_frame` is for movies, and the plate is a sequence with its own numbers",
            "leave it out",
        )


def _pattern_problem(path: str) -> tuple[str, str] | None:
    try:
        Pattern.parse(path)
    except ShotError as error:
        return error.what, error.fix or ""
    return None


def _faces(shot: Shot) -> Iterator[Misfit]:
    for (i, one), (j, other) in combinations(enumerate(shot.faces), 2):
        if one.name is not None and other.name is not None and one.name.casefold() == other.name.casefold():
            yield Misfit(("faces", j, "name"), f"two faces have the name `{other.name}`", "rename one of them")
        for index, face in ((i, one), (j, other)):
            if face.select == "all":
                yield Misfit(
                    ("faces", index, "select"),
                    f"face `{face.name or index}` selects all, but the shot names {len(shot.faces)} faces",
                    "select largest, left, right or {frame: 1001, point: [640, 300]}",
                )
        if one.select == other.select:
            yield Misfit(
                ("faces", j, "select"),
                f"faces `{one.name or i}` and `{other.name or j}` select the same face",
                "select another one, for example with {frame: 1001, point: [640, 300]}",
            )


def _output(shot: Shot, output: Output, place: Place) -> Iterator[Misfit]:
    if problem := _pattern_problem(output.path):
        yield Misfit((*place, "path"), *problem)
        return
    suffix = Path(output.path).suffix.lower()
    if len(set(output.passes)) < len(output.passes):
        yield Misfit((*place, "passes"), "`passes` names a pass twice", "name each once")
    if suffix in MOVIES:
        yield from _movie(output, suffix, place)
    elif suffix != ".exr":
        yield Misfit(
            (*place, "path"),
            f'vfxage cannot write "{suffix or Path(output.path).name}" files',
            f"choose one of .exr, {', '.join(MOVIES)}",
        )
    else:
        if output.codec is not None:
            yield Misfit((*place, "codec"), f"`codec: {output.codec}` is for movies, not for {suffix}", "leave it out")
        frames = 1 if not Pattern.is_sequence(shot.plate) and shot.frames is None else len(shot.frames or ())
        if not Pattern.is_sequence(output.path) and frames != 1:
            name = Path(output.path)
            yield Misfit(
                (*place, "path"),
                f'"{name.name}" has no place for the frame number, so every frame would overwrite the one before',
                f'write "{name.stem}.%04d{name.suffix}"',
            )


def _movie(output: Output, suffix: str, place: Place) -> Iterator[Misfit]:
    if Pattern.is_sequence(output.path):
        yield Misfit((*place, "path"), f"a movie ({suffix}) has no frame number in its name", "take it out")
    if output.codec not in MOVIES[suffix]:
        choice = " or ".join(MOVIES[suffix])
        yield Misfit((*place, "codec"), f"`codec: {output.codec}` does not go into {suffix}", f"choose {choice}")
    if {"beauty", "delta"} <= set(output.passes):
        yield Misfit(
            (*place, "passes"), "a movie takes one of beauty and delta, not both", "give the other an output of its own"
        )
    elif len(output.passes) > 1 and output.codec != ALPHA_CODEC:
        yield Misfit(
            (*place, "passes"),
            f"the matte rides as alpha in {ALPHA_CODEC} only, not in {output.codec}",
            "change `codec`, or give the matte an output of its own",
        )


def _collisions(shot: Shot) -> Iterator[Misfit]:
    patterns = [Pattern.parse(output.path) for output in shot.outputs if not _pattern_problem(output.path)]
    plate = Pattern.parse(shot.plate) if not _pattern_problem(shot.plate) else None
    for index, pattern in enumerate(patterns):
        if plate is not None and pattern.overlaps(plate):
            yield Misfit(("outputs", index, "path"), "this output would overwrite the plate", "write it elsewhere")
    for (i, one), (j, other) in combinations(enumerate(patterns), 2):
        if one.overlaps(other):
            yield Misfit(
                ("outputs", j, "path"), f"this output writes the same files as output {i}", "give it another name"
            )
