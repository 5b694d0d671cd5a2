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
from vfxage.shot.outputs import ALPHA_CODEC, MOVIES, STILLS, Output


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
    yield from _necks(shot)
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


def _necks(shot: Shot) -> Iterator[Misfit]:
    for index, face in enumerate(shot.faces):
        if face.regions.neck is not None and shot.matte.kind == "face":
            place: Place = ("regions", "neck") if shot.regions.neck is not None else ("faces", index, "regions", "neck")
            yield Misfit(place, "the neck lies outside `matte: {kind: face}`", "say `matte: {kind: head}`")
            return


def _output(shot: Shot, output: Output, place: Place) -> Iterator[Misfit]:
    if problem := _pattern_problem(output.path):
        yield Misfit((*place, "path"), *problem)
        return
    suffix = Path(output.path).suffix.lower()
    if len(set(output.passes)) < len(output.passes):
        yield Misfit((*place, "passes"), "`passes` names a pass twice", "name each once")
    yield from _views(shot, output, place)
    if suffix in MOVIES:
        yield from _movie(output, suffix, place)
    elif suffix in STILLS or suffix == ".exr":
        yield from _sequence(shot, output, suffix, place)
    else:
        yield Misfit(
            (*place, "path"),
            f'vfxage cannot write "{suffix or Path(output.path).name}" files',
            f"choose one of .exr, {', '.join((*STILLS, *MOVIES))}",
        )
    if output.depth is not None and output.depth not in STILLS.get(suffix, ()):
        choice = " or ".join(map(str, STILLS.get(suffix, ())))
        yield Misfit(
            (*place, "depth"),
            f"`depth: {output.depth}` is not for {suffix}",
            f"choose {choice}" if choice else "leave it out: it is for DPX, TIFF, PNG and JPEG",
        )


def _views(shot: Shot, output: Output, place: Place) -> Iterator[Misfit]:
    names = [face.name for face in shot.faces if face.name]
    if "crop" in output.passes and len(output.passes) > 1:
        what = "`crop` is a picture of its own size, which no other pass can share"
        yield Misfit((*place, "passes"), what, "give it an output of its own")
    if output.face is not None and not {"uv", "crop"} & set(output.passes):
        yield Misfit((*place, "face"), "`face` is for the passes uv and crop", "leave it out")
    elif output.face is not None and output.face not in names:
        choice = f"choose {' or '.join(names)}" if names else "give the face a `name`"
        yield Misfit((*place, "face"), f"the shot has no face `{output.face}`", choice)


def _sequence(shot: Shot, output: Output, suffix: str, place: Place) -> Iterator[Misfit]:
    if output.codec is not None:
        yield Misfit((*place, "codec"), f"`codec: {output.codec}` is for movies, not for {suffix}", "leave it out")
    frames = 1 if not Pattern.is_sequence(shot.plate) and shot.frames is None else len(shot.frames or ())
    if not Pattern.is_sequence(output.path) and (frames != 1 or shot.handles):
        name = Path(output.path)
        yield Misfit(
            (*place, "path"),
            f'"{name.name}" has no place for the frame number, so every frame would overwrite the one before',
            f'write "{name.stem}.%04d{name.suffix}"',
        )
    if suffix in STILLS:
        yield from _still(output, suffix, place)


def _still(output: Output, suffix: str, place: Place) -> Iterator[Misfit]:
    others = [name for name in output.passes if name not in ("beauty", "delta", "matte")]
    where = (*place, "passes")
    if others:
        yield Misfit(where, f"`{others[0]}` does not fit into {suffix}", "write it to .exr")
    elif {"beauty", "delta"} <= set(output.passes):
        yield Misfit(
            where, "a still takes one of beauty and delta, not both", "give the other an output of its own, or use .exr"
        )
    elif "delta" in output.passes and output.depth != "float":
        yield Misfit(
            where,
            f"the delta has negative values, which {suffix} of integers cannot hold",
            "write it to .exr or float .tif",
        )
    elif len(output.passes) > 1 and suffix in (".jpg", ".jpeg"):
        yield Misfit(where, f"{suffix} has no alpha for the matte", "give the matte an output of its own")


def _movie(output: Output, suffix: str, place: Place) -> Iterator[Misfit]:
    if Pattern.is_sequence(output.path):
        yield Misfit((*place, "path"), f"a movie ({suffix}) has no frame number in its name", "take it out")
    if output.codec not in MOVIES[suffix]:
        choice = " or ".join(MOVIES[suffix])
        yield Misfit((*place, "codec"), f"`codec: {output.codec}` does not go into {suffix}", f"choose {choice}")
    others = [name for name in output.passes if name not in ("beauty", "delta", "matte")]
    if others:
        yield Misfit((*place, "passes"), f"`{others[0]}` does not fit into {suffix}", "write it to .exr")
    elif {"beauty", "delta"} <= set(output.passes):
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
        elif any(pattern.overlaps(Pattern.parse(path)) for path in _drawn(shot) if not _pattern_problem(path)):
            what = "this output would overwrite a roto or map of the shot"
            yield Misfit(("outputs", index, "path"), what, "write it elsewhere")
    for (i, one), (j, other) in combinations(enumerate(patterns), 2):
        if one.overlaps(other):
            what = f"this output writes the same files as `outputs.{i}`"
            yield Misfit(("outputs", j, "path"), what, "give it another name")


def _drawn(shot: Shot) -> Iterator[str]:
    """Every picture that artists drew for the shot."""
    mattes = [shot.matte, *(face.matte for face in shot.faces)]
    paths = [path for matte in mattes for path in (matte.file, matte.hold_out)]
    yield from (path for path in (*paths, *(face.regions.map for face in shot.faces)) if path is not None)
