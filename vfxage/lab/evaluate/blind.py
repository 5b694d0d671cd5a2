"""A blind sheet: crops at 100 % of real and of made old (or young) people, shuffled, with a hidden key.

A person marks each crop as real or made; ``blind_score`` counts the hits.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vfxage import __version__
from vfxage.ager import Ager, age_frames, load_ager
from vfxage.arrays import ArrayData, shaped
from vfxage.colour.space import Colour
from vfxage.comp.composite import composite
from vfxage.errors import ShotError
from vfxage.lab.evaluate.blind_pairs import LEAST_CHANGE, OLD_FROM, YOUNG_TO, BlindPair, pair_people
from vfxage.lab.evaluate.faces import Subject
from vfxage.lab.evaluate.gather import gather_subjects
from vfxage.lab.portraits import crop_portrait, read_portrait
from vfxage.pool import ordered_map
from vfxage.progress import Progress
from vfxage.publish import check_unused, check_writable, publish
from vfxage.types import F32, U8, Frame, FrameCrops, Window

KEY, ANSWERS = ".key.json", "answers.txt"
"""Names of the hidden key and of the file for the answers, in the folder of the sheet."""
USUAL = 12
"""Real people, and as many made ones, in each group of a photo set, unless the user gives a number."""
FEWEST = 3
"""Pairs that a group needs. Fewer say nothing."""
_ROOM = 1.7
"""Side of a crop in heights of the face: head, hair and neck."""
_PAGE = 1900
"""Pixels. A page has as many columns as fit, and at least one."""
_PER_PAGE = 12
_HEAD, _LABEL, _GAP = 40, 30, 8
_BACK, _GREY = (24, 24, 24), 0.2
_SPACE = "sRGB Encoded Rec.709 (sRGB)"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindRequest:
    """Settings of a sheet."""

    portraits: tuple[Path, ...]
    out: Path
    model: str
    pairs: int
    """Pairs in each group of a photo set, at most."""
    seed: int
    device: str
    workers: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """What one numbered crop shows."""

    number: int
    group: str
    """"old" or "young"."""
    made: bool
    photos: str
    """The photo set."""
    file: str
    person: str
    sex: str
    """Label of the set; empty if it has none."""
    age: float
    """True age on the photograph, years."""
    shown: float
    """Age that the crop shows: the age asked for, or the true age."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class _Tile(ArrayData):
    """One crop, before it has a number."""

    picture: U8 = field(metadata=shaped("H", "H", 3, dtype=np.uint8))
    entry: KeyEntry


def make_blind_sheet(request: BlindRequest, progress: Progress) -> list[Path]:
    """Write pages, the file for the answers and the key into ``request.out``; gives their paths, the key last.

    The same portraits, model and seed give the same files. Raises the errors of portraits and model, OutputError for a
    folder that is not empty, ShotError if no photo set has enough people of the right ages.
    """
    check_unused(request.out, "name a new folder for the blind sheet")
    check_writable(request.out)
    ager = load_ager(request.model, request.device)
    subjects, _ = gather_subjects(request.portraits, progress)
    random = np.random.default_rng(request.seed)
    pairs = _choose(subjects, request.pairs, random, progress)
    workers = request.workers or ager.workers_default
    pages: list[Path] = []
    key: list[KeyEntry] = []
    for group, chosen in pairs.items():
        tiles = _shuffled(_tiles(chosen, group, ager, workers, progress), random)
        numbered = [replace(tile, entry=replace(tile.entry, number=len(key) + k)) for k, tile in enumerate(tiles, 1)]
        key += [tile.entry for tile in numbered]
        pages += _draw_pages(request.out, group, numbered)
    return [*pages, _write_answers(request.out, key), _write_key(request, ager, key)]


def _choose(
    subjects: Sequence[Subject], count: int, random: np.random.Generator, progress: Progress
) -> dict[str, list[BlindPair]]:
    """The pairs of each group, from all photo sets. Nobody is on a sheet twice."""
    pairs: dict[str, list[BlindPair]] = {}
    used: set[str] = set()
    for group in ("old", "young"):
        for photos in sorted({one.photos for one in subjects}):
            free = {one.portrait.person: one for one in reversed(subjects) if one.photos == photos}
            people = [one for person, one in sorted(free.items()) if person not in used]
            found = pair_people(people, group == "old", count, random)
            if len(found) < FEWEST:
                ages = f"{OLD_FROM:.0f} or more" if group == "old" else f"{YOUNG_TO:.0f} or less"
                progress.note(f"{photos}: too few people of {ages}, with partners, for the group {group}")
                continue
            pairs.setdefault(group, []).extend(found)
            used |= {one.portrait.person for pair in found for one in (pair.real, pair.source)}
    if not pairs:
        what = f"no folder has people of {OLD_FROM:.0f} or more, or {YOUNG_TO:.0f} or less, and others to age to them"
        fix = f"add --portraits folders: a group needs {FEWEST} pairs who are {LEAST_CHANGE:.0f} years apart"
        raise ShotError(what, fix=fix)
    return pairs


def _tiles(pairs: Sequence[BlindPair], group: str, ager: Ager, workers: int, progress: Progress) -> list[_Tile]:
    colour = Colour(_SPACE)

    def cut(pair: BlindPair) -> tuple[_Tile, _Tile]:
        target = pair.real.portrait.age
        made = made_portrait(pair.source, target, ager, colour)
        return _tile(pair.real, read_portrait(pair.real.portrait), group, None), _tile(pair.source, made, group, target)

    tiles: list[_Tile] = []
    with progress.stage("blind sheet", len(pairs), "pair") as advance, ordered_map(cut, pairs, workers=workers) as done:
        for count, both in enumerate(done, 1):
            tiles += both
            advance(count)
    return tiles


def made_portrait(subject: Subject, target: float, ager: Ager, colour: Colour) -> F32:
    """The whole picture of a subject as a render shows it at ``target`` years: (H, W, 3) sRGB 0..1.

    The crop is as large as the face's own pixels need, and the compositor adds the change, so untouched pixels stay.
    """
    picture = read_portrait(subject.portrait)
    unit = crop_portrait(subject.portrait, ager.framing, ager.sizes[0], rgb=picture)
    own = float(np.linalg.norm(unit.to_frame[:, 0])) * ager.sizes[0]
    size = next((size for size in ager.sizes if size >= own), ager.sizes[-1])
    crop = crop_portrait(subject.portrait, ager.framing, size, (subject.portrait.age, target), picture)
    crop = replace(crop, study=ager.study([crop]))
    height, width = picture.shape[:2]
    frame = Frame(number=1, window=Window(0, 0, width, height), rgb=colour.to_linear(picture))
    (aged,) = age_frames(ager, whole_head=True)([FrameCrops(frame=frame, crops=(crop,))])
    return np.clip(colour.from_linear(composite(aged, colour).beauty), 0.0, 1.0)


def _tile(subject: Subject, picture: F32, group: str, target: float | None) -> _Tile:
    """Cut the square around the head from a picture (H, W, 3), pixel for pixel; grey beyond the picture."""
    portrait = subject.portrait
    if portrait.points is None:
        raise ValueError(f"{portrait} has no points")
    low, high = portrait.points.min(axis=0), portrait.points.max(axis=0)
    tall = float(high[1] - low[1])
    side = round(_ROOM * tall)
    x, y = (round(float(value)) for value in (low + high) / 2 - (side / 2, side / 2 + 0.05 * tall))
    square = np.full((side, side, 3), _GREY, np.float32)
    wanted, have = Window(x, y, side, side), Window(0, 0, picture.shape[1], picture.shape[0])
    seen = wanted.intersect(have)
    square[seen.slices(wanted)] = picture[seen.slices(have)]
    entry = KeyEntry(
        number=0,
        group=group,
        made=target is not None,
        photos=subject.photos,
        file=portrait.path.name,
        person=portrait.person,
        sex=portrait.labels.get("sex", ""),
        age=portrait.age,
        shown=portrait.age if target is None else target,
    )
    return _Tile(picture=np.round(square * 255).astype(np.uint8), entry=entry)


def _shuffled(tiles: Sequence[_Tile], random: np.random.Generator) -> list[_Tile]:
    return [tiles[k] for k in random.permutation(len(tiles))]


def _draw_pages(out: Path, group: str, tiles: Sequence[_Tile]) -> list[Path]:
    """Draw the tiles of a group, each with its number, on as many pages as they need."""
    side = max(tile.picture.shape[0] for tile in tiles)
    columns = max(1, min(4, _PAGE // (side + _GAP)))
    ages = [tile.entry.shown for tile in tiles]
    title = f"People of {min(ages):.0f} to {max(ages):.0f} years. Which are real, and which were made {group}?"
    paths = []
    for page, start in enumerate(range(0, len(tiles), _PER_PAGE), 1):
        paths.append(out / f"{group}-{page}.png")
        _draw_page(paths[-1], title, tiles[start : start + _PER_PAGE], columns, side)
    return paths


def _draw_page(path: Path, title: str, tiles: Sequence[_Tile], columns: int, side: int) -> None:
    rows = -(-len(tiles) // columns)
    page = Image.new("RGB", (columns * (side + _GAP), _HEAD + rows * (side + _LABEL + _GAP)), _BACK)
    pen = ImageDraw.Draw(page)
    pen.text((8, 8), title, font=ImageFont.load_default(18), fill="white")
    for k, tile in enumerate(tiles):
        x, y = (k % columns) * (side + _GAP), _HEAD + (k // columns) * (side + _LABEL + _GAP)
        pen.text((x + 6, y + 2), str(tile.entry.number), font=ImageFont.load_default(22), fill="white")
        page.paste(Image.fromarray(tile.picture), (x, y + _LABEL))
    with publish(path) as partial:
        page.save(partial, format="PNG")


def _write_answers(out: Path, key: Sequence[KeyEntry]) -> Path:
    """The file in which a person writes the answers."""
    lines = ["# Write real or made after each number. A number without an answer does not count."]
    with publish(out / ANSWERS) as partial:
        partial.write_text("\n".join([*lines, *(f"{entry.number}" for entry in key), ""]), encoding="utf-8")
    return out / ANSWERS


def _write_key(request: BlindRequest, ager: Ager, key: Sequence[KeyEntry]) -> Path:
    data = {
        "vfxage": __version__,
        "model": request.model,
        "fingerprint": ager.fingerprint,
        "seed": request.seed,
        "crops": [asdict(entry) for entry in key],
    }
    with publish(out := request.out / KEY) as partial:
        partial.write_text(json.dumps(data, indent=1), encoding="utf-8")
    return out
