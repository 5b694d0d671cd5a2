"""The training data: people and their pairs of ages, people held out (by a hash of their names), unusable files."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from vfxage.errors import ShotError
from vfxage.lab.portraits import Collection, Portrait, Problem, ScanCache, mesh_portraits, scan_portraits
from vfxage.lab.portraits.layouts import list_folder
from vfxage.lab.train.recipe import DataPart, PortraitFolder
from vfxage.progress import Progress

LEAST_GAP = 0.5
"""Years; pictures of one person nearer in age are no pair."""
_NAMED = 5
"""Files named for each kind of problem."""


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """The pictures of one person that lie on each other, youngest first, and the pairs of ages among them."""

    name: str
    """Name in the folder; all with the same name are held out, or none, also in two folders."""
    portraits: tuple[Portrait, ...]
    framing: str
    """picture or face, as the folder's recipe says."""
    to_real: tuple[tuple[int, int], ...]
    """(source, target) whose target is a photograph; indices into ``portraits``."""
    to_made: tuple[tuple[int, int], ...]
    """(source, target) whose target is a made picture."""

    @property
    def weight(self) -> float:
        """How often the person is drawn, compared with one of weight 1: the column ``weight`` of the index."""
        return self.portraits[0].weight

    @property
    def paired(self) -> bool:
        """Whether two of the pictures make a pair."""
        return bool(self.to_real or self.to_made)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingData:
    """People to learn from, people held out, and real portraits for the critic."""

    people: tuple[Person, ...]
    held_out: tuple[Person, ...]
    portraits: tuple[tuple[Portrait, str], ...]
    """Real portraits of people who are not held out, youngest first, each with its folder's framing."""
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    """The summary for people, a sentence each."""

    @property
    def epoch(self) -> int:
        """How many examples an epoch has: every pair once; without pairs, every portrait."""
        return sum(len(person.to_real) + len(person.to_made) for person in self.people) or len(self.portraits)

    def of_held_out(self) -> TrainingData:
        """The same data, with the people held out in the place of the training people."""
        return replace(self, people=self.held_out, held_out=(), portraits=())


def open_data(recipe: DataPart, seed: int, progress: Progress, scan_cache: ScanCache | None = None) -> TrainingData:
    """Scan every folder, note its contents and problems, and split the people.

    Without ``pairs``, the people are those of ``portraits``, each picture alone. Raises ShotError where ``bad: refuse``
    meets a problem or where no two ages make a pair; see ``scan_portraits``.
    """
    pairs = [(source, _open(source, recipe, progress, scan_cache)) for source in recipe.pairs]
    more = [(source, _open(source, recipe, progress, scan_cache)) for source in recipe.portraits]
    problems = [problem for _, found in (*pairs, *more) for problem in found.problems]
    people: list[Person] = []
    for source, found in pairs or more:
        made, unequal = _people(found, source.framing)
        people += made
        problems += unequal
    problems += [
        Problem(person.portraits[0].path, "is of a person at one age only, who makes no pair")
        for person in people
        if pairs and not person.paired
    ]

    def usable(person: Person) -> bool:
        return person.paired or not pairs

    held_out = frozenset(person.name for person in people if _is_held_out(person.name, recipe.holdout, seed))
    data = TrainingData(
        people=tuple(person for person in people if usable(person) and person.name not in held_out),
        held_out=tuple(person for person in people if usable(person) and person.name in held_out),
        portraits=_photographs(people if pairs else (), more, held_out),
        problems=tuple(problems),
        notes=tuple(_summary([*pairs, *more], people, problems)),
    )
    for note in data.notes:
        progress.note(note)
    _refuse(recipe, data)
    return data


def _photographs(
    people: Sequence[Person], more: Sequence[tuple[PortraitFolder, Collection]], held_out: frozenset[str]
) -> tuple[tuple[Portrait, str], ...]:
    """Photographs of people who are not held out, each with its framing, youngest first."""
    found = [(portrait, person.framing) for person in people for portrait in person.portraits]
    found = [(portrait, framing) for portrait, framing in found if portrait.person not in held_out]
    found += [(item, source.framing) for source, one in more for item in one.portraits if item.person not in held_out]
    real = [item for item in found if item[0].real]
    return tuple(sorted(real, key=lambda item: (item[0].age, str(item[0].path))))


def learned_people(recipe: DataPart, seed: int) -> frozenset[str]:
    """Names of the people that a training learns from: everybody in its folders except the people held out.

    Raises ReadError for a folder that cannot be read, ShotError for one that fits no layout.
    """
    listed = [item for source in recipe.pairs for item in list_folder(source.folder, source.layout)[1]]
    listed += [item for source in recipe.portraits for item in list_folder(source.folder, source.layout)[1]]
    names = {item.person for item in listed if item.person}
    return frozenset(name for name in names if not _is_held_out(name, recipe.holdout, seed))


def _open(source: PortraitFolder, recipe: DataPart, progress: Progress, scan_cache: ScanCache | None) -> Collection:
    found = scan_portraits(
        source.folder, smallest=recipe.smallest, layout=source.layout, scan_cache=scan_cache, progress=progress
    )
    return mesh_portraits(found, progress, scan_cache) if source.framing == "face" else _square(found)


def _square(found: Collection) -> Collection:
    """Refuse pictures that are not square, because they are used without cropping."""
    good = tuple(item for item in found.portraits if item.size[0] == item.size[1])
    bad = [item for item in found.portraits if item.size[0] != item.size[1]]
    fault = "is not square ({}x{}; `framing: face` cuts faces out of any picture)"
    return replace(
        found,
        portraits=good,
        problems=(*found.problems, *(Problem(item.path, fault.format(*item.size)) for item in bad)),
    )


def _people(found: Collection, framing: str) -> tuple[list[Person], list[Problem]]:
    """The people of a folder, a person once for each plate.

    A picture whose size differs from most pictures of the plate is left out.
    """
    people, unequal = [], []
    for name, portraits in found.people().items():
        for aligned in _by_plate(portraits):
            usual = Counter(item.size for item in aligned).most_common(1)[0][0]
            unequal += [
                Problem(item.path, "is of another size than its person's others")
                for item in aligned
                if item.size != usual
            ]
            people.append(_person(name, tuple(item for item in aligned if item.size == usual), framing))
    return people, unequal


def _by_plate(portraits: Sequence[Portrait]) -> list[list[Portrait]]:
    """The pictures that lie on each other: those of one plate, or all where the folder names no plates."""
    plates: dict[str, list[Portrait]] = {}
    for portrait in portraits:
        plates.setdefault(portrait.labels.get("plate", ""), []).append(portrait)
    return list(plates.values())


def _person(name: str, alike: tuple[Portrait, ...], framing: str) -> Person:
    pairs = [
        (a, b) for a in range(len(alike)) for b in range(len(alike)) if abs(alike[a].age - alike[b].age) >= LEAST_GAP
    ]
    to_real = tuple(pair for pair in pairs if alike[pair[1]].real)
    to_made = tuple(pair for pair in pairs if not alike[pair[1]].real)
    return Person(name, alike, framing, to_real, to_made)


def _is_held_out(name: str, share: float, seed: int) -> bool:
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def _summary(
    opened: Sequence[tuple[PortraitFolder, Collection]], people: Sequence[Person], problems: Sequence[Problem]
) -> list[str]:
    notes = []
    for _, found in opened:
        real = sum(item.real for item in found.portraits)
        pictures = _counted(len(found.portraits), "picture")
        text = (
            f"{found.folder}: {pictures} ({_counted(real, 'photograph')}) of {_counted(len(found.people()), 'person')}"
        )
        notes += [f"{text}, layout {found.layout}; ages {_histogram(found.portraits)}"]
        notes += [found.note] if found.note else []
    pairs = sum(len(person.to_real) + len(person.to_made) for person in people)
    to_real = sum(len(person.to_real) for person in people)
    if pairs:
        notes.append(f"{_counted(pairs, 'pair')} of ages, {to_real} with a photograph as the target")
    by_kind: dict[str, list[Problem]] = {}
    for problem in problems:
        by_kind.setdefault(problem.kind, []).append(problem)
    for kind, found_so in by_kind.items():
        named = ", ".join(f"{item.path.parent.name}/{item.path.name}" for item in found_so[:_NAMED])
        more = f" and {len(found_so) - _NAMED} more" if len(found_so) > _NAMED else ""
        notes.append(f"left out: {_counted(len(found_so), 'file')} ({kind}): {named}{more}")
    return notes


def _counted(count: int, noun: str) -> str:
    plural = "people" if noun == "person" else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"


def _histogram(portraits: Sequence[Portrait]) -> str:
    decades = Counter(int(item.age // 10) * 10 for item in portraits)
    return " ".join(f"{decade}s:{decades[decade]}" for decade in sorted(decades)) or "none"


def _refuse(recipe: DataPart, data: TrainingData) -> None:
    if data.problems and recipe.bad == "refuse":
        first = data.problems[0]
        more = f" (and {len(data.problems) - 1} more)" if len(data.problems) > 1 else ""
        raise ShotError(f"{first.what}{more}", path=first.path, fix="correct the file, or set `data.bad: skip`")
    if not data.people:
        where = recipe.pairs[0].folder
        what = "no person is shown at two ages" + (", except people held out" if data.held_out else "")
        raise ShotError(
            what, path=where, fix="give pictures of one person at several ages, as `vfxage pairs` makes them"
        )
