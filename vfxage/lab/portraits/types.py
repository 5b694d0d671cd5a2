"""A portrait with its label, what was wrong with others, and the folder they came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from vfxage.arrays import ArrayData, shaped
from vfxage.lab.portraits.layouts import FolderLayout
from vfxage.types import F32, POINTS

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Portrait(ArrayData):
    """One picture of one person at a known age."""

    path: Path
    person: str
    """Name of the person within the folder; UTKFace names nobody, so there it is the file name."""
    age: float
    """Years, 0 to 120."""
    size: tuple[int, int]
    """Width and height, pixels, after the file's own rotation."""
    labels: Mapping[str, str] = field(default_factory=lambda: _NONE)
    """Other labels of the folder as text: sex, glasses, yaw_deg, real, ..."""
    points: F32 | None = field(default=None, metadata=shaped(POINTS, 2))
    """(478, 2) pixels, centres at +0.5; None if the face was not searched yet."""

    @property
    def real(self) -> bool:
        """Whether it is a photograph; folders that do not say hold photographs only."""
        return self.labels.get("real", "1").strip().lower() not in ("0", "false", "no")

    @property
    def weight(self) -> float:
        """How often training uses it, compared with a portrait of weight 1; 1 if the folder does not say."""
        return float(self.labels.get("weight") or 1)

    def __repr__(self) -> str:
        return f"Portrait({self.path.name!r}, person={self.person!r}, age={self.age:g})"


@dataclass(frozen=True, slots=True)
class Problem:
    """One file that was left out, and why."""

    path: Path
    what: str
    """A clause. It begins with a kind of fault that many files can have ("cannot be read"); details are in brackets."""

    @property
    def kind(self) -> str:
        """``what`` without its details, to count by."""
        return self.what.partition(" (")[0]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Collection:
    """The portraits of a folder."""

    folder: Path
    layout: FolderLayout
    portraits: tuple[Portrait, ...]
    """Sorted by path: the same folder gives the same order anywhere."""
    problems: tuple[Problem, ...] = ()
    note: str = ""
    """A note on the layout that was assumed; empty if there was no choice."""

    def people(self) -> dict[str, list[Portrait]]:
        """The portraits of each person, youngest first."""
        found: dict[str, list[Portrait]] = {}
        for portrait in sorted(self.portraits, key=lambda item: (item.person, item.age, str(item.path))):
            found.setdefault(portrait.person, []).append(portrait)
        return found
