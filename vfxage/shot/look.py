"""How an artist steers a face beside its age: the parts of the change, and what is known of the face."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Literal, Protocol

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationInfo, WithJsonSchema

from vfxage.face.look import PARTS, Look, Traits
from vfxage.shot.keyed import Amount, Keyed, number_or_auto
from vfxage.shot.part import Part
from vfxage.shot.paths import IsPath, escaped, file_path

Answer = Literal["auto", "yes", "no"]
Gentle = Annotated[float | Literal["auto"], *number_or_auto(0, 1)]
Temples = Annotated[float, Field(ge=0, le=2)]
Seed = Annotated[int, Field(ge=0, le=10**9)]


def _by_age(value: object, info: ValidationInfo) -> object:
    """Pairs of an age and absolute paths, ascending, from a mapping of age to a list of paths."""
    if not isinstance(value, Mapping):
        raise ValueError("must be photographs by age; write, for example, {70: [photos/old.jpg]}")
    found: dict[int, tuple[str, ...]] = {}
    for key, photographs in value.items():
        age = int(key) if isinstance(key, str) and re.fullmatch("[0-9]{1,3}", key) else key
        if type(age) is not int or not 0 <= age <= 120:
            raise ValueError(f"has the age {key!r}; write years from 0 to 120, such as {{70: [photos/old.jpg]}}")
        if not isinstance(photographs, tuple) or not photographs:
            raise ValueError(f"must have a list of photographs for {age}; write {{{age}: [photos/old.jpg]}}")
        found[age] = tuple(file_path(path, info) for path in photographs)
    return tuple(sorted(found.items()))


def _as_written(pairs: tuple[tuple[int, tuple[str, ...]], ...]) -> dict[int, list[str]]:
    return {age: [escaped(path) for path in paths] for age, paths in pairs}


_SCHEMA = {
    "type": "object",
    "propertyNames": {"pattern": "^[0-9]{1,3}$"},
    "additionalProperties": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "path"}},
}
References = Annotated[
    tuple[tuple[int, tuple[str, ...]], ...],
    BeforeValidator(_by_age),
    IsPath(),
    PlainSerializer(_as_written, when_used="json"),
    WithJsonSchema(_SCHEMA),
]
"""Photographs of a person: pairs of an age in years and absolute paths."""


class LookKeys(Part):
    """How much of each part of the change: 0 is none, 1 is normal, 2 is the most.

    A part that is left out has the value of the section around it: a region that of its face, a face that of the top
    level. There the default is 1.
    """

    folds: Amount | None = None
    """Broad relief: grooves beside nose and mouth, pouches, jowls, hollows."""
    lines: Amount | None = None
    """Furrows, crow's feet and other fine lines."""
    texture: Amount | None = None
    """The skin's own lines, its pores and its gloss."""
    pigment: Amount | None = None
    """Spots, redness, and how even the skin's colour is."""
    hair: Amount | None = None
    """Grey hair, brows and beard; younger: colour given back to grey hair."""
    neck: Amount | None = None
    """Neck and ears: multiplies the other parts there."""
    shape: Amount | None = None
    """Sinking of brows, lids, jowls and lips; younger: their lifting."""
    lips: Amount | None = None
    """Colour and gloss of the lips."""
    eyes: Amount | None = None
    """Whites, iris, lashes and edges of the lids."""

    def keyed(self) -> Iterator[tuple[str, Keyed]]:
        """Every part that is set, by name."""
        yield from ((name, value) for name in PARTS if (value := getattr(self, name)) is not None)

    def at(self, number: int, around: Look) -> Look:
        """The look on a frame; ``around`` is the look of the section around this one."""
        return replace(around, **{name: value.at(number) for name, value in self.keyed()})


STEERING = ("look", "gentle", "glasses", "beard", "seed")
"""Keys of a face that steer the ager ``relief``."""
OF_ONE_FACE = ("references", "donor", "temples")
"""Keys that do, of a single face alone: the shot gives no value to all of its faces."""


class Steered(Protocol):
    """A face with these keys."""

    look: LookKeys
    gentle: Gentle
    glasses: Answer
    beard: Answer
    seed: int | None


class SteeredFace(Steered, Protocol):
    """A single face, with what no other face has from it."""

    temples: float


def traits(face: SteeredFace, name: str | None, shown: str) -> Traits:
    """What the shot says about a face; ``name`` is its name in the shot, ``shown`` that in its crops."""
    answers = {"auto": None, "yes": True, "no": False}
    return Traits(
        gentle=None if face.gentle == "auto" else face.gentle,
        glasses=answers[face.glasses],
        beard=answers[face.beard],
        temples=face.temples,
        # Faces without a name may be several people, who must not have the same lines.
        seed=None if face.seed is None else f"seed {face.seed}" + ("" if name else f" {shown}"),
    )


def steering(face: Steered) -> str | None:
    """The first key of a face that asks for something else than usual; None if none does."""
    usual = Keyed.of(1.0)
    if any(value != usual for _, value in face.look.keyed()):
        return "look"
    found = (key for key in ("gentle", "glasses", "beard") if getattr(face, key) != "auto")
    return next(found, "seed" if face.seed is not None else None)
