"""The rules of a shot file that concern several values at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from vfxage.errors import ShotError
from vfxage.frames import Pattern
from vfxage.shot.document import Place
from vfxage.shot.look import OF_ONE_FACE, steering
from vfxage.shot.models import EXAMPLE_POINT, STEERABLE, Face, Shot
from vfxage.shot.outputs import ALPHA_CODEC, LOSSY, MOVIES, STILLS, Output


@dataclass(frozen=True, slots=True)
class RuleViolation:
    """One broken rule."""

    place: Place
    what: str
    """What is wrong; names the value."""
    fix: str
    """What to do."""


def rule_violations(shot: Shot) -> Iterator[RuleViolation]:
    """Find every broken rule of a shot, in the order of the keys in the file."""
    yield from _plate(shot)
    yield from _tracks(shot)
    yield from _faces(shot)
    yield from _neck(shot)
    yield from _steering(shot)
    for index, output in enumerate(shot.outputs):
        yield from _output(shot, output, ("outputs", index))
    yield from _collisions(shot)


def _plate(shot: Shot) -> Iterator[RuleViolation]:
    if problem := _pattern_problem(shot.plate):
        yield RuleViolation(("plate",), *problem)
    elif shot.first_frame is not None and Pattern.is_sequence(shot.plate):
        yield RuleViolation(
            ("first_frame",),
            "`first_frame` is for movies, and the plate is a sequence with its own numbers",
            "leave it out",
        )
    if shot.range is not None and not problem and Pattern.is_sequence(shot.plate):
        what = "`range` is for movies, and the codes of a sequence always have full range"
        yield RuleViolation(("range",), what, "leave it out")
    for key in ("part", "layer", "view"):
        if getattr(shot, key) is not None and Path(shot.plate).suffix.lower() != ".exr":
            yield RuleViolation((key,), f"`{key}` is for OpenEXR plates", "leave it out")


def _tracks(shot: Shot) -> Iterator[RuleViolation]:
    if shot.tracks is not None and Path(shot.tracks).suffix != ".npz":
        name = Path(shot.tracks)
        what = f"`tracks` names {name.name}, and tracks are saved as .npz"
        yield RuleViolation(("tracks",), what, f"write {name.stem or 'shot'}.tracks.npz")


def _pattern_problem(path: str) -> tuple[str, str] | None:
    """What is wrong with a path of a sequence or a movie, and what to do; None if it is right."""
    try:
        Pattern.parse(path)
    except ShotError as error:
        return error.what, error.fix or ""
    return None


def _faces(shot: Shot) -> Iterator[RuleViolation]:
    for (i, one), (j, other) in combinations(enumerate(shot.faces), 2):
        if one.name is not None and other.name is not None and one.name.casefold() == other.name.casefold():
            yield RuleViolation(("faces", j, "name"), f"two faces have the name `{other.name}`", "rename one of them")
        for index, face in ((i, one), (j, other)):
            if face.select == "all":
                yield RuleViolation(
                    ("faces", index, "select"),
                    f"face `{face.name or index}` selects all, but the shot names {len(shot.faces)} faces",
                    f"select largest, left, right or {EXAMPLE_POINT}",
                )
        if one.select == other.select:
            yield RuleViolation(
                ("faces", j, "select"),
                f"faces `{one.name or i}` and `{other.name or j}` select the same face",
                f"select another one, for example with {EXAMPLE_POINT}",
            )


def _neck(shot: Shot) -> Iterator[RuleViolation]:
    for index, face in enumerate(shot.faces):
        if face.regions.neck is not None and shot.matte.kind == "face":
            place: Place = ("regions", "neck") if shot.regions.neck is not None else ("faces", index, "regions", "neck")
            yield RuleViolation(place, "`matte: {kind: face}` leaves out the neck", "write `matte: {kind: head}`")
            return


def _steering(shot: Shot) -> Iterator[RuleViolation]:
    """Only relief has parts that an artist can steer, and each face has lines of its own."""
    sections: list[tuple[Place, Shot | Face]] = [((), shot)]
    sections += [(("faces", index), face) for index, face in enumerate(shot.faces)]
    for at, section in sections if shot.model not in STEERABLE else []:
        own = steering(section) or next((key for key in OF_ONE_FACE if getattr(section, key, None)), None)
        looks = [("regions", name, "look") for name, one in section.regions.named().items() if one.look is not None]
        for keys in [*([(own,)] if own else []), *looks]:
            what = f"`{keys[-1]}` steers the model relief, and the model of this shot is {Path(shot.model).name}"
            yield RuleViolation((*at, *keys), what, "set `model: relief`, or leave it out")
    for (_, one), (j, other) in combinations(enumerate(shot.faces), 2):
        if one.seed is not None and one.seed == other.seed and one.name and other.name:
            what = f"faces `{one.name}` and `{other.name}` have the same `seed`, so they would get the same lines"
            place: Place = ("seed",) if other.seed == shot.seed else ("faces", j, "seed")
            yield RuleViolation(place, what, "give each of them its own `seed`")


def _output(shot: Shot, output: Output, place: Place) -> Iterator[RuleViolation]:
    if problem := _pattern_problem(output.path):
        yield RuleViolation((*place, "path"), *problem)
        return
    suffix = Path(output.path).suffix.lower()
    if len(set(output.passes)) < len(output.passes):
        yield RuleViolation((*place, "passes"), "`passes` names a pass twice", "name each pass once")
    yield from _crop_passes(shot, output, place)
    yield from _pass_through(shot, output, place)
    if suffix in MOVIES:
        yield from _movie(output, suffix, place)
    elif suffix in STILLS or suffix == ".exr":
        yield from _sequence(shot, output, suffix, place)
    else:
        name = Path(output.path).name
        has_suffix = suffix and not Pattern.is_sequence(suffix)
        what = f'vfxage cannot write "{suffix}" files' if has_suffix else f'"{name}" has no suffix for its format'
        yield RuleViolation((*place, "path"), what, f"choose one of .exr, {', '.join((*STILLS, *MOVIES))}")
    if output.compression is not None and suffix != ".exr":
        what = f"`compression: {output.compression}` is for OpenEXR, not for {suffix}"
        yield RuleViolation((*place, "compression"), what, "leave it out")
    elif output.compression in LOSSY and "uv" in output.passes:
        what = f"`compression: {output.compression}` has loss, and `uv` holds positions"
        yield RuleViolation((*place, "compression"), what, "choose zips, or give uv an output of its own")
    depths = STILLS.get(suffix, ())
    if output.depth is not None and output.depth not in depths:
        fix = f"choose {_either(depths)}" if depths else "leave it out: it is for DPX, TIFF, PNG and JPEG"
        yield RuleViolation((*place, "depth"), f"`depth: {output.depth}` is not for {suffix}", fix)


def _crop_passes(shot: Shot, output: Output, place: Place) -> Iterator[RuleViolation]:
    """The rules of matte_hair, and of uv and crop, the two passes that show one face."""
    names = [face.name for face in shot.faces if face.name]
    if "matte_hair" in output.passes and shot.model not in STEERABLE:
        what = f"the pass `matte_hair` needs the model relief, and the model of this shot is {Path(shot.model).name}"
        yield RuleViolation((*place, "passes"), what, "set `model: relief`, or leave the pass out")
    if "crop" in output.passes and len(output.passes) > 1:
        what = "`crop` has its own picture size, so no other pass can be in the same file"
        yield RuleViolation((*place, "passes"), what, "give it an output of its own")
    if output.face is not None and not {"uv", "crop"} & set(output.passes):
        yield RuleViolation((*place, "face"), "`face` is for the passes uv and crop", "leave it out")
    elif output.face is not None and output.face not in names:
        fix = f"choose {_either(names)}" if names else "give the face a `name`"
        yield RuleViolation((*place, "face"), f"the shot has no face `{output.face}`", fix)


def _pass_through(shot: Shot, output: Output, place: Place) -> Iterator[RuleViolation]:
    """The rules of an output that carries the plate's other channels."""
    if not output.pass_through:
        return
    at = (*place, "pass_through")
    if Path(shot.plate).suffix.lower() != ".exr" or Path(output.path).suffix.lower() != ".exr":
        yield RuleViolation(at, "`pass_through` needs an OpenEXR plate and an OpenEXR output", "leave it out")
    elif "crop" in output.passes:
        yield RuleViolation(
            at, "`crop` has its own picture size, so it cannot carry channels of the plate", "leave it out"
        )
    elif output.compression in LOSSY:
        what = f"`compression: {output.compression}` has loss, and would change the ids that `pass_through` carries"
        yield RuleViolation(at, what, "choose zips, zip or piz")


def _sequence(shot: Shot, output: Output, suffix: str, place: Place) -> Iterator[RuleViolation]:
    if output.codec is not None:
        what = f"`codec: {output.codec}` is for movies, not for {suffix}"
        yield RuleViolation((*place, "codec"), what, "leave it out")
    frames = 1 if not Pattern.is_sequence(shot.plate) and shot.frames is None else len(shot.frames or ())
    if not Pattern.is_sequence(output.path) and (frames != 1 or shot.handles):
        name = Path(output.path)
        what = f'"{name.name}" has no frame number, so every frame would overwrite the one before'
        yield RuleViolation((*place, "path"), what, f'write "{name.stem}.%04d{name.suffix}"')
    if suffix in STILLS:
        delta = "delta" in output.passes and output.depth != "float"
        yield from _first_that_applies(
            (*place, "passes"),
            *_picture_rules(output, suffix, "a still", "give the other an output of its own, or use .exr"),
            _Rule(
                delta, f"the delta has negative values, and {suffix} holds integers", "write it to .exr or float .tif"
            ),
            _Rule(
                len(output.passes) > 1 and suffix in (".jpg", ".jpeg"),
                f"{suffix} has no alpha for the matte",
                "give the matte an output of its own",
            ),
        )


def _movie(output: Output, suffix: str, place: Place) -> Iterator[RuleViolation]:
    if Pattern.is_sequence(output.path):
        what = f"a movie ({suffix}) has no frame number in its name"
        yield RuleViolation((*place, "path"), what, "remove the frame number")
    if output.codec not in MOVIES[suffix]:
        what = f"{suffix} cannot hold `codec: {output.codec}`"
        yield RuleViolation((*place, "codec"), what, f"choose {_either(MOVIES[suffix])}")
    yield from _first_that_applies(
        (*place, "passes"),
        *_picture_rules(output, suffix, "a movie", "give the other an output of its own"),
        _Rule(
            len(output.passes) > 1 and output.codec != ALPHA_CODEC,
            f"only {ALPHA_CODEC} holds the matte as alpha, not {output.codec}",
            "change `codec`, or give the matte an output of its own",
        ),
    )


class _Rule(NamedTuple):
    broken: bool
    what: str
    fix: str


def _picture_rules(output: Output, suffix: str, kind: str, fix: str) -> tuple[_Rule, _Rule]:
    """The rules for a file that holds one picture and perhaps an alpha: a movie or a still."""
    passes = set(output.passes)
    others = [name for name in output.passes if name not in ("beauty", "delta", "matte")]
    return (
        _Rule(bool(others), f"{suffix} cannot hold `{others[0] if others else ''}`", "write it to .exr"),
        _Rule({"beauty", "delta"} <= passes, f"{kind} holds either beauty or delta, not both", fix),
    )


def _first_that_applies(place: Place, *rules: _Rule) -> Iterator[RuleViolation]:
    yield from [RuleViolation(place, rule.what, rule.fix) for rule in rules if rule.broken][:1]


def _either(choices: Iterable[object]) -> str:
    return " or ".join(map(str, choices))


def _collisions(shot: Shot) -> Iterator[RuleViolation]:
    patterns = [Pattern.parse(output.path) for output in shot.outputs if not _pattern_problem(output.path)]
    plate = Pattern.parse(shot.plate) if not _pattern_problem(shot.plate) else None
    for index, pattern in enumerate(patterns):
        if plate is not None and pattern.overlaps(plate):
            yield RuleViolation(
                ("outputs", index, "path"), "this output would overwrite the plate", "write it elsewhere"
            )
        elif any(
            pattern.overlaps(Pattern.parse(path)) for path in _artist_pictures(shot) if not _pattern_problem(path)
        ):
            what = "this output would overwrite a roto or map of the shot"
            yield RuleViolation(("outputs", index, "path"), what, "write it elsewhere")
    for (i, one), (j, other) in combinations(enumerate(patterns), 2):
        if one.overlaps(other):
            what = f"this output writes the same files as `outputs.{i}`"
            yield RuleViolation(("outputs", j, "path"), what, "give it another name")


def _artist_pictures(shot: Shot) -> Iterator[str]:
    """The path of every roto and map of the shot."""
    mattes = [shot.matte, *(face.matte for face in shot.faces)]
    paths = [path for matte in mattes for path in (matte.file, matte.hold_out)]
    yield from (path for path in (*paths, *(face.regions.map for face in shot.faces)) if path is not None)
