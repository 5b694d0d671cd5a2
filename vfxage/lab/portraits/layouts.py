"""How folders name a portrait's person and age: four layouts, each from file names (or an index) to labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from vfxage.errors import ReadError, ShotError, count_of
from vfxage.lab.tables import read_table
from vfxage.shot import plain_number

FolderLayout = Literal["index", "person/age", "age/name", "utkface"]
LAYOUTS: tuple[FolderLayout, ...] = get_args(FolderLayout)

INDEX = "index.csv"
PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})
YOUNGEST, OLDEST = 0.0, 120.0

_AGE = re.compile(r"-?\d{1,4}(?:\.\d{1,3})?")
_AGE_STEM = re.compile(r"(-?\d{1,4}(?:\.\d{1,3})?)(?:[_ ].*)?")
_UTK = re.compile(r"(\d{1,4})_(?:([01])_)?(?:([0-4])_)?(\d{8,})(?:\..*)?")
_SEXES = {"0": "M", "1": "F"}
_RACES = {"0": "white", "1": "black", "2": "asian", "3": "indian", "4": "other"}


@dataclass(frozen=True, slots=True)
class Listed:
    """A file with its folder's labels, not yet decoded; ``fault`` says why the labels cannot be used."""

    name: PurePosixPath
    """Relative to the folder."""
    person: str = ""
    age: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""


def list_folder(folder: Path, layout: FolderLayout | None) -> tuple[FolderLayout, list[Listed], str]:
    """Label every picture below ``folder``: gives the layout, the files sorted by name, and a note on assumptions.

    Raises ReadError for a folder or index that cannot be read, ShotError for one that fits no layout.
    """
    try:
        if not folder.is_dir():
            what = "is not a folder" if folder.exists() else "there is no such folder"
            raise ReadError(what, path=folder, fix="name a folder of portraits")
        if layout == "index" or (layout is None and (folder / INDEX).is_file()):
            return "index", _by_index(folder / INDEX), ""
        names = sorted(_pictures(folder))
    except OSError as error:
        raise ReadError(f"cannot be read ({error.strerror})", path=folder, fix="check its permissions") from error
    if not names:
        raise ShotError("holds no pictures", path=folder, fix=f"use one of the layouts {', '.join(LAYOUTS)}")
    chosen, note = (layout, "") if layout else _guess(folder, names)
    return chosen, [_READ[chosen](name) for name in names], note


def _pictures(folder: Path) -> Iterable[PurePosixPath]:
    for path in folder.rglob("*"):
        name = PurePosixPath(path.relative_to(folder).as_posix())
        if name.suffix.lower() in PICTURES and not any(part.startswith(".") for part in name.parts) and path.is_file():
            yield name


def _guess(folder: Path, names: Sequence[PurePosixPath]) -> tuple[FolderLayout, str]:
    """The layout that fits most files. If folders and files are numbers, those counting 1, 2, 3 are names."""
    chosen, tied = guess_layout(names)
    if chosen is None:
        first = names[0]
        fix = f"use one of the layouts {', '.join(LAYOUTS)}"
        raise ShotError(
            f"fits no layout of labelled portraits ({count_of(len(names), 'picture')}, first {first})",
            path=folder,
            fix=fix,
        )
    if not tied:
        return chosen, ""
    others = " and ".join(f"`{layout}`" for layout in tied)
    return chosen, f"{folder} was taken as `{chosen}`; it fits {others} too: set `layout:` if that is what it is"


def guess_layout(names: Sequence[PurePosixPath]) -> tuple[FolderLayout | None, tuple[FolderLayout, ...]]:
    """The layout that fits most of the names, None if none fits one, and the other layouts that fit as many."""
    fits = {layout: sum(not _READ[layout](name).fault for name in names) for layout in _READ}
    best = max(fits.values())
    if best == 0:
        return None, ()
    tied: list[FolderLayout] = [layout for layout, count in fits.items() if count == best]
    below, above = {name.stem for name in names}, {name.parts[0] for name in names}
    chosen: FolderLayout = "age/name" if are_running_numbers(below) and not are_running_numbers(above) else "person/age"
    chosen = chosen if chosen in tied else tied[0]
    return chosen, tuple(layout for layout in tied if layout != chosen)


def label_name(name: PurePosixPath, layout: FolderLayout) -> Listed:
    """The labels that a name (folder and file) has in a layout other than ``index``."""
    return _READ[layout](name)


def are_running_numbers(stems: set[str]) -> bool:
    """Whether names are running numbers: they begin with a 0, which ages do not, or count from 0 or 1 without a gap."""
    if any(re.match(r"0\d", stem) for stem in stems):
        return True
    numbers = sorted(int(stem) if re.fullmatch(r"\d{1,6}", stem) else -1 for stem in stems)
    return len(numbers) > 1 and numbers[0] in (0, 1) and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _person_age(name: PurePosixPath) -> Listed:
    """``person/35.jpg`` or ``person/35_anything.jpg``."""
    found = _AGE_STEM.fullmatch(name.stem)
    if len(name.parts) != 2 or not found or _UTK.fullmatch(name.stem):
        return Listed(name, fault="is not named person/AGE")
    return _aged(name, name.parts[0], found[1])


def _age_name(name: PurePosixPath) -> Listed:
    """``35/name.png``, the same name at every age."""
    if len(name.parts) != 2 or not _AGE.fullmatch(name.parts[0]):
        return Listed(name, fault="is not named AGE/name")
    return _aged(name, name.stem, name.parts[0])


def _utkface(name: PurePosixPath) -> Listed:
    """``[age]_[gender]_[race]_[date].jpg``; some files of the set leave gender or race out."""
    found = _UTK.fullmatch(name.stem)
    if not found:
        return Listed(name, fault="is not named as UTKFace names its files")
    labels = {"sex": _SEXES.get(found[2] or "", ""), "race": _RACES.get(found[3] or "", "")}
    return _aged(name, name.stem, found[1], {key: value for key, value in labels.items() if value})


_READ: dict[FolderLayout, Callable[[PurePosixPath], Listed]] = {
    "person/age": _person_age,
    "age/name": _age_name,
    "utkface": _utkface,
}


def _aged(name: PurePosixPath, person: str, age: str, labels: Mapping[str, str] | None = None) -> Listed:
    years = plain_number(age.strip())
    if years is None:
        return Listed(name, fault=f"its age is no number ({age[:20]!r})")
    if not YOUNGEST <= years <= OLDEST:
        return Listed(name, fault=f"its age is not within 0 to 120 ({years:g})")
    return Listed(name, person, years, labels or {})


def _by_index(index: Path) -> list[Listed]:
    """Rows of index.csv: columns file, person and age, and any others as labels."""
    return sorted(read_index(index, ("file", "person", "age")), key=lambda item: item.name)


def read_index(index: Path, columns: Sequence[str]) -> list[Listed]:
    """The rows of a CSV table that has these columns, file and age among them, and any others as labels.

    Raises ReadError, with the line if it is known, for a file that is no such table.
    """
    named = "person" in columns
    return [_with_line(_row(row, named=named), index, line) for line, row in read_table(index, columns)]


def _with_line(listed: Listed, index: Path, line: int) -> Listed:
    """A row whose fault names the line of the table that it ends on."""
    return replace(listed, fault=f"{listed.fault} in {index}:{line}") if listed.fault else listed


def _row(row: Mapping[str, str], *, named: bool) -> Listed:
    """One row; ``named`` rows need a person."""
    name = PurePosixPath(row["file"].strip() or "(a row without a file)")
    if name.is_absolute() or ".." in name.parts or "\0" in row["file"] or not row["file"].strip():
        return Listed(name, fault="is not a file below the index's folder")
    person = row.get("person", "").strip()
    if named and not person:
        return Listed(name, fault="has no person")
    labels = {key: value for key, value in row.items() if key and key not in ("file", "person", "age")}
    return _aged(name, person, row["age"].strip() or "nothing", labels)
