"""The controls of the page, made from the schema of the shot file: a new key of the schema has its control at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from vfxage.shot import FACE_DEFAULTS, schema

_NOT_SHOWN = frozenset({"tracking", "preview", *FACE_DEFAULTS})
"""Sections of the shot that do not change the look of a frame, or that each face has as well."""

_STEPS = ((50.0, 1.0), (1.5, 0.05))
"""For ranges at least this wide, the step of a slider; for narrower ones it is the last of all, ``_FINE``."""
_FINE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One value of the shot file that the page can change."""

    path: tuple[str, ...]
    """Keys that lead to the value, from the face or from the top of the shot."""
    of_face: bool
    """Whether the value belongs to a face."""
    help: str
    """The description of the key."""
    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    """Whether only whole numbers are allowed."""
    keyed: bool = False
    """Whether it can have keyframes."""
    choices: tuple[str, ...] = ()
    """The words to choose from, if it is no number."""

    @property
    def section(self) -> str:
        """The section that it is shown in: its first key, or empty if it has no section."""
        return self.path[0] if len(self.path) > 1 else ""

    @property
    def label(self) -> str:
        """Its name on the page, within its section."""
        return " ".join(self.path[1:] or self.path).replace("_", " ")

    @property
    def name(self) -> str:
        """Its name on a curve: all keys with dots."""
        return ".".join(self.path)

    @property
    def step(self) -> float:
        """The step of its slider."""
        if self.whole:
            return 1.0
        return next((step for width, step in _STEPS if self.high - self.low >= width), _FINE)


@cache
def face_controls() -> tuple[Control, ...]:
    """The controls of one face, in the order of the schema."""
    return tuple(_controls(_definitions()["Face"], (), of_face=True))


@cache
def shot_controls() -> tuple[Control, ...]:
    """The controls of the whole shot: those of its sections."""
    found = _controls(schema(), (), of_face=False)
    return tuple(one for one in found if one.section and one.section not in _NOT_SHOWN)


@cache
def _definitions() -> Mapping[str, Any]:
    found: Mapping[str, Any] = schema()["$defs"]
    return found


def _controls(section: Mapping[str, Any], path: tuple[str, ...], *, of_face: bool) -> Iterator[Control]:
    for key, entry in section.get("properties", {}).items():
        kinds = list(_kinds(entry))
        inner = next((kind for kind in kinds if "properties" in kind), None)
        number = next((kind for kind in kinds if "minimum" in kind and "maximum" in kind), None)
        words = next((kind["enum"] for kind in kinds if "enum" in kind), ())
        place, text = (*path, key), entry.get("description", "")
        if number is not None:
            yield Control(
                path=place,
                of_face=of_face,
                help=text,
                low=number["minimum"],
                high=number["maximum"],
                whole=number["type"] == "integer",
                keyed=any(isinstance(kind.get("additionalProperties"), dict) for kind in kinds),
            )
        elif inner is not None and "select" not in place:
            yield from _controls(inner, place, of_face=of_face)
        elif words and key != "select":
            yield Control(path=place, of_face=of_face, help=text, choices=tuple(words))


def _kinds(entry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a key may hold, without references and null."""
    if "$ref" in entry:
        yield from _kinds(_definitions()[entry["$ref"].rsplit("/", 1)[1]])
    elif inner := entry.get("anyOf") or entry.get("oneOf"):
        for kind in inner:
            yield from _kinds(kind)
    elif entry.get("type") != "null":
        yield entry
