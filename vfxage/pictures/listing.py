"""Which pictures are aged, where their results go, and how old the people in them are."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from vfxage.errors import ReadError, ShotError, count_of
from vfxage.lab.portraits import INDEX, Listed, are_running_numbers, guess_layout, label_name, read_index
from vfxage.media import FORMATS, PICTURES
from vfxage.pictures.ages import OLDEST
from vfxage.shot import plain_number

_OTHERS = frozenset({".webp", ".bmp", ".heic", ".heif", ".avif", ".jp2", ".tga", ".cr2", ".nef", ".arw", ".dng"})
"""Pictures that vfxage does not read: a folder's note says that they are left out."""
_ASK = "give their age with --source-age 35, or --source-age index.csv (columns file,age)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture to be aged."""

    path: Path
    """Absolute."""
    place: PurePosixPath
    """The place of its results below the output folder, with the picture's own name."""
    age: float = 0.0
    """Age of the people in it, years."""
    twin: bool = False
    """Whether another picture has the same place, with another suffix."""
    fault: str = ""
    """Why its age is not known, as a clause; empty if it is."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The pictures of a run, and what the user should know about the choice."""

    pictures: tuple[Picture, ...]
    notes: tuple[str, ...]


def list_pictures(named: Sequence[Path], source_age: str | None, out: Path) -> Listing:
    """List the pictures that the command line names, each once, with their ages.

    A folder stands for every picture below it, but not for those in ``out``. ``source_age`` is an age, the path of an
    index, or None: then ages come from ``index.csv`` in a named folder, else from the names of files. Raises ReadError
    for a name without a file, ShotError for a file that is no picture and for names that tell no age.
    """
    notes: list[str] = []
    found: dict[Path, Picture] = {}
    for path in named:
        whole = Path(os.path.abspath(path))
        for picture in _below(whole, out, notes) if whole.is_dir() else [_alone(whole, path)]:
            found.setdefault(picture.path, picture)
    pictures = _apart(list(found.values()))
    pictures = _aged(pictures, [Path(os.path.abspath(path)) for path in named], source_age, notes)
    return Listing(tuple(pictures), tuple(notes))


def _alone(whole: Path, path: Path) -> Picture:
    suffix = whole.suffix.lower()
    if not whole.exists():
        raise ReadError("no such file or folder", path=path, fix="check the path")
    if suffix not in PICTURES:
        if suffix in FORMATS:
            raise ShotError("is a movie", path=path, fix="render it with a shot file: vfxage init, then vfxage render")
        what = f"is a {suffix} file, which vfxage does not read" if suffix else "is a file without a suffix"
        raise ShotError(what, path=path, fix=f"convert it to one of {' '.join(sorted(PICTURES))}")
    return Picture(path=whole, place=PurePosixPath(whole.name))


def _below(folder: Path, out: Path, notes: list[str]) -> Iterator[Picture]:
    """Every picture below a folder, in the order of names; hidden ones and those in ``out`` are left out."""
    if _same(folder, out):
        raise ShotError("--out is the folder of the pictures", path=folder, fix="choose another folder for the results")
    count, others = 0, Counter[str]()
    for home, folders, files in os.walk(folder, onerror=_unlisted):
        folders[:] = sorted(name for name in folders if name[0] != "." and not _same(Path(home, name), out))
        for name in sorted(name for name in files if name[0] != "."):
            path = Path(home, name)
            if path.suffix.lower() in PICTURES:
                count += 1
                yield Picture(path=path, place=PurePosixPath(path.relative_to(folder).as_posix()))
            elif path.suffix.lower() in _OTHERS:
                others[path.suffix.lower()] += 1
    if others:
        notes.append(
            f"{folder}: {count_of(others.total(), 'picture')} left out, vfxage does not read {' '.join(others)}"
        )
    if not count:
        raise ReadError("holds no pictures", path=folder, fix=f"name a folder with {' '.join(sorted(PICTURES))}")


def _unlisted(error: OSError) -> None:
    raise ReadError(f"cannot be listed ({error.strerror})", path=error.filename, fix="check its permissions") from error


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _apart(pictures: list[Picture]) -> list[Picture]:
    """Add folders to the places of results that would lie at one place, until each place is another."""
    taken = Counter(picture.place for picture in pictures)
    while taken.total() > len(taken):
        pictures = [_deeper(picture) if taken[picture.place] > 1 else picture for picture in pictures]
        taken = Counter(picture.place for picture in pictures)
    stems = Counter(picture.place.with_suffix("") for picture in pictures)
    return [replace(picture, twin=stems[picture.place.with_suffix("")] > 1) for picture in pictures]


def _deeper(picture: Picture) -> Picture:
    """The picture with one more of its folders in its place."""
    return replace(picture, place=PurePosixPath(*picture.path.parts[1:][-len(picture.place.parts) - 1 :]))


def _aged(pictures: list[Picture], named: list[Path], source_age: str | None, notes: list[str]) -> list[Picture]:
    if source_age is not None and (age := _years(source_age)) is not None:
        return [replace(picture, age=age) for picture in pictures]
    indices = [Path(source_age)] if source_age is not None else [folder / INDEX for folder in named]
    indices = [index for index in indices if source_age is not None or index.is_file()]
    listed: dict[str, Listed] = {}
    for path, row in (found for index in indices for found in _rows(index)):
        listed[path] = _again(listed[path], row) if path in listed else row
    rest = [picture for picture in pictures if _real(picture.path) not in listed]
    known = {picture.path: listed[_real(picture.path)] for picture in pictures if _real(picture.path) in listed}
    if indices and not known:
        raise ShotError("names none of the pictures", path=indices[0], fix="write their paths relative to this file")
    if indices:
        own = " or ".join(sorted({index.name for index in indices}))
        known |= {picture.path: Listed(PurePosixPath(), fault=f"has no age in {own}") for picture in rest}
    else:
        known |= _by_name(rest, notes)
    return [replace(one, age=known[one.path].age, fault=known[one.path].fault) for one in pictures]


def _again(one: Listed, other: Listed) -> Listed:
    """A picture that is listed a second time: with another age, nobody knows which one holds."""
    if one.fault or other.fault or one.age == other.age:
        return one if one.fault else other
    return replace(one, fault=f"is listed twice, with the ages {one.age:g} and {other.age:g}")


def _years(text: str) -> float | None:
    """An age; None for the path of an index. Raises ShotError for neither."""
    age = plain_number(text)
    if age is None:
        if Path(text).suffix.lower() == ".csv" or Path(text).is_file():
            return None
        fix = "write an age in years, or the path of a table with the columns file,age"
        raise ShotError(f"--source-age {text} is neither an age nor a .csv file", fix=fix)
    if not 0 <= age <= OLDEST:
        raise ShotError(f"--source-age {text} is not within 0 to {OLDEST:g} years", fix="correct it")
    return age


def _rows(index: Path) -> Iterator[tuple[str, Listed]]:
    """Path of each picture of an index, with its row."""
    for row in read_index(index, ("file", "age")):
        yield _real(index.parent / row.name), row


def _real(path: Path) -> str:
    return os.path.realpath(path)


def _by_name(pictures: Sequence[Picture], notes: list[str]) -> dict[Path, Listed]:
    """Ages from names such as ``person/35.jpg``, ``35/person.jpg`` and ``35_0_1_20170109.jpg``."""
    names = {picture.path: PurePosixPath(*picture.path.parts[-2:]) for picture in pictures}
    layout, _ = guess_layout(list(names.values()))
    if layout is None:
        raise ShotError("the names of the pictures tell no age", path=pictures[0].path, fix=_ASK)
    if layout == "person/age" and are_running_numbers({name.stem for name in names.values()}):
        first = pictures[0].path
        raise ShotError("the names of the pictures are running numbers and tell no age", path=first, fix=_ASK)
    notes.append(f"ages are taken from the names, as `{layout}`")
    found = {path: label_name(name, layout) for path, name in names.items()}
    return {path: replace(row, fault=_unnamed(row.fault)) if row.fault else row for path, row in found.items()}


def _unnamed(fault: str) -> str:
    return "its name tells no age" if fault.startswith("is not named") else fault
