"""The examples of each step: a pure function of recipe, data and step number, so a resumed run gets the same ones."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from vfxage.ager import ARCHITECTURES
from vfxage.errors import ShotError, count_of
from vfxage.lab.portraits import Portrait
from vfxage.lab.train.data import Person, TrainingData
from vfxage.lab.train.pictures import Pictures, View, cut
from vfxage.lab.train.recipe import CropPart, Recipe
from vfxage.types import F32, U8

STEP, EXAMPLE = 0, 1
"""Streams of random numbers: one for the whole step, and one for each example."""
Pair = tuple[int, int]
"""Source and target: indices into a person's portraits, which are in order of age."""
_NEAR = 4.0
"""Years: the critic's portraits are of about the target's age."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Examples of one step, or this process's share of them; pictures are (B, 3, S, S) uint8 sRGB."""

    step: int
    indices: tuple[int, ...]
    """Places of the examples within the step, the same for every split over processes."""
    source: Tensor
    target: Tensor
    portrait: Tensor
    """A photograph of a person of about the target age, for the critic; empty (0, 3, S, S) without a critic."""
    weight: Tensor
    """(B, 1, S / 4, S / 4) uint8, 255 on the face."""
    ages: Tensor
    """(B, 2) float32 years, source and target."""
    skin: Tensor | None = None
    """(B, 3) uint8 sRGB, the colour of the skin of ``source``; None for a network that does not level it."""
    portrait_skin: Tensor | None = None
    """(B, 3) the same of ``portrait``; None if there are no portraits, or for such a network."""


@dataclass(frozen=True, slots=True)
class Process:
    """Which of the processes that share a run's batches this is."""

    rank: int
    """0 to ``count - 1``."""
    count: int


ALONE = Process(0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Example:
    """One example of a batch; pictures are (S, S, 3) uint8 sRGB."""

    source: U8
    target: U8
    portrait: U8 | None
    weight: U8
    ages: tuple[float, float]
    skins: tuple[U8, ...]
    """The colours (3,) of the skin of source and portrait, as far as they are wanted."""


class Batches:
    """Makes the batch of any step; thread-safe."""

    def __init__(
        self, recipe: Recipe, data: TrainingData, pictures: Pictures, *, portraits: bool, process: Process = ALONE
    ) -> None:
        if portraits and not data.portraits:
            raise ShotError(
                "the adversarial loss needs photographs, and the data has none",
                fix="name folders of them in `data.portraits`, or set `losses.adversarial.weight: 0`",
            )
        self._recipe, self._data, self._pictures = recipe, data, pictures
        self._indices = share_of(recipe, process)
        self._wants_portraits = portraits
        self._row = ARCHITECTURES[recipe.model.architecture]
        self._everybody = _Choices(data.people, lambda person: [(0, 0)])
        self._to_real = _Choices(data.people, lambda person: person.to_real)
        self._to_made = _Choices(data.people, lambda person: person.to_made)
        self._from_real = _Choices(data.people, lambda person: _made(person, of_photographs=True))
        self._from_made = _Choices(data.people, lambda person: _made(person, of_photographs=False))
        self._to_older = _Choices(data.people, lambda person: [(a, b) for a, b in person.to_real if b > a])
        self._to_younger = _Choices(data.people, lambda person: [(a, b) for a, b in person.to_real if b < a])
        self._ages = [portrait.age for portrait, _ in data.portraits]

    def __call__(self, step: int) -> Batch:
        """The batch of a step. Raises ReadError if a picture is gone."""
        shared = np.random.default_rng([self._recipe.seed, step, STEP])
        size = int(shared.choice(self._recipe.crop.sizes))
        rows = [self._example(step, index, size) for index in self._indices]
        skins = None
        if self._row.levelled:
            skins = [torch.from_numpy(np.stack(side)) for side in zip(*(row.skins for row in rows), strict=True)]
        return Batch(
            step=step,
            indices=self._indices,
            source=stacked([row.source for row in rows]),
            target=stacked([row.target for row in rows]),
            portrait=stacked([row.portrait for row in rows if row.portrait is not None])
            if self._wants_portraits
            else torch.empty((0, 3, size, size), dtype=torch.uint8),
            weight=torch.from_numpy(np.stack([row.weight for row in rows]))[:, None],
            ages=torch.tensor([row.ages for row in rows], dtype=torch.float32),
            skin=skins[0] if skins else None,
            portrait_skin=skins[1] if skins and self._wants_portraits else None,
        )

    def _example(self, step: int, index: int, size: int) -> _Example:
        rng = np.random.default_rng([self._recipe.seed, step, EXAMPLE, index])
        person, a, b = self._pair(rng)
        base = base_of(person)
        view = self._view(rng, size, self._pictures.landmarks(person.framing, base))
        source, target = person.portraits[a], person.portraits[b]
        before = self._pictures.picture(source, person.framing, base)
        after = before if a == b else self._pictures.picture(target, person.framing, base)
        shown = cut(before, view, size)
        portrait = self._portrait(target.age, rng) if self._wants_portraits else None
        skins: tuple[U8, ...] = ()
        if self._row.levelled:
            skins = (self._pictures.skin(source, person.framing, base),)
            skins += (self._pictures.skin(*portrait, portrait[0]),) if portrait else ()
        return _Example(
            source=shown,
            target=shown if a == b else cut(after, view, size),
            portrait=self._shown(*portrait, rng, size) if portrait else None,
            weight=cut(self._pictures.weight(person.framing, base), view, size // 4),
            ages=(source.age, target.age),
            skins=skins,
        )

    def _shown(self, portrait: Portrait, framing: str, rng: np.random.Generator, size: int) -> U8:
        return cut(self._pictures.picture(portrait, framing, portrait), self._view(rng, size, None), size)

    def _view(self, rng: np.random.Generator, size: int, landmarks: F32 | None) -> View:
        """What an example shows; for a network that always runs at one size, with the pixels per face of a whole crop.

        ``landmarks`` are (478, 2) shares of the picture's side, None where the face is unknown.
        """
        crop = self._recipe.crop
        view = draw_view(crop, rng, size / self._row.native if self._row.levelled else None)
        if landmarks is None or rng.random() >= crop.on_face:
            return view
        room = max(0.0, (1 - view.side) / 2)
        x, y = np.clip(landmarks[rng.integers(len(landmarks))], 0.5 - room, 0.5 + room)
        return replace(view, centre=(float(x), float(y)))

    def _pair(self, rng: np.random.Generator) -> tuple[Person, int, int]:
        """A person and two of their ages. The share of pairs whose target is a photograph comes from the recipe."""
        data = self._recipe.data
        if rng.random() < data.identity:
            person, _ = self._everybody.draw(rng)
            one = int(rng.integers(len(person.portraits)))
            return person, one, one
        wants_real = rng.random() < data.real_targets
        choices = self._to_real if self._to_real and (wants_real or not self._to_made) else self._to_made
        if choices is self._to_real and data.real_older is not None and self._to_older and self._to_younger:
            choices = self._to_older if rng.random() < data.real_older else self._to_younger
        if choices is self._to_made and data.real_sources is not None and self._from_real and self._from_made:
            choices = self._from_real if rng.random() < data.real_sources else self._from_made
        person, pairs = choices.draw(rng)
        return person, *pairs[rng.integers(len(pairs))]

    def _portrait(self, age: float, rng: np.random.Generator) -> tuple[Portrait, str]:
        """A person of about that age; the nearest in age if there is none."""
        low, high = bisect_left(self._ages, age - _NEAR), bisect_right(self._ages, age + _NEAR)
        if low == high:
            nearest = min(range(len(self._ages)), key=lambda place: abs(self._ages[place] - age))
            low, high = nearest, nearest + 1
        return self._data.portraits[rng.integers(low, high)]


def share_of(recipe: Recipe, process: Process) -> tuple[int, ...]:
    """The places of one process's examples within a step. Raises ShotError for a batch that cannot be divided."""
    if recipe.schedule.batch % process.count:
        processes = count_of(process.count, "process", "processes")
        what = f"a batch of {recipe.schedule.batch} cannot be divided among {processes}"
        raise ShotError(what, fix=f"make `schedule.batch` a multiple of {process.count}")
    share = recipe.schedule.batch // process.count
    return tuple(range(process.rank * share, (process.rank + 1) * share))


def _made(person: Person, *, of_photographs: bool) -> list[Pair]:
    """The pairs whose target is a made picture, and whose source is a photograph, or another made picture."""
    return [(a, b) for a, b in person.to_made if person.portraits[a].real == of_photographs]


class _Choices:
    """The people who have pairs of some kind, each with the pairs. They are drawn in proportion to their weights."""

    def __init__(self, people: Sequence[Person], pairs: Callable[[Person], Sequence[Pair]]) -> None:
        self._choices = [(person, found) for person in people if (found := pairs(person))]
        self._until = np.cumsum([person.weight for person, _ in self._choices])

    def __len__(self) -> int:
        return len(self._choices)

    def draw(self, rng: np.random.Generator) -> tuple[Person, Sequence[Pair]]:
        """A person and the pairs."""
        place = int(np.searchsorted(self._until, rng.uniform(0, self._until[-1]), side="right"))
        return self._choices[min(place, len(self._choices) - 1)]


def base_of(person: Person) -> Portrait:
    """The picture whose face sets the framing of all pictures of a person: the first photograph, else the first."""
    return next((item for item in person.portraits if item.real), person.portraits[0])


def draw_view(crop: CropPart, rng: np.random.Generator, share: float | None = None) -> View:
    """Area of the example: the whole face, or a window inside the picture (apart from the jitter).

    ``share`` fixes the window's side, as a share of the picture's.
    """
    low, high = crop.window
    whole = rng.random() < crop.whole
    side = 1.0 if whole else math.exp(rng.uniform(math.log(low), math.log(high)))
    side = share or side
    room = max(0.0, (1 - side) / 2)
    x, y = 0.5 + rng.uniform(-room, room, 2) + rng.uniform(-1, 1, 2) * crop.jitter * side
    return View(
        centre=(float(x), float(y)),
        side=float(side * math.exp(rng.uniform(-crop.jitter, crop.jitter))),
        roll=float(rng.uniform(-crop.roll, crop.roll)),
        flip=bool(crop.flip and rng.random() < 0.5),
    )


def stacked(pictures: Sequence[U8]) -> Tensor:
    """(B, 3, S, S), channel-last in memory, which is faster for convolutions."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
