"""The controls of the page, made from the schema of the shot file: a new key of the schema has its control at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from vfxage.shot import FACE_DEFAULTS, schema

_NOT_SHOWN = frozenset({"tracking", "preview", *FACE_DEFAULTS})
"""Sections of the shot that do not change the look of a frame, or that each face has as well."""

_STEPS = ((50.0, 1.0), (1.5, 0.05))
"""For ranges at least this wide, the step of a slider; for narrower ones it is the last of all, ``_FINE``."""
_FINE = 0.01
_WIDEST = 1000.0
"""A slider has at most so many units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One value of the shot file that the page can change."""

    path: tuple[str, ...]
    """Keys that lead to the value, from the face or from the top of the shot."""
    of_face: bool
    """Whether the value belongs to a face."""
    meaning: str
    """The description of the key."""
    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    """Whether only whole numbers are allowed."""
    keyed: bool = False
    """Whether it can have keyframes."""
    choices: tuple[str, ...] = ()
    """The words to choose from; for a number those that it may be instead, such as auto."""

    @property
    def number(self) -> bool:
        """Whether it is a number, and not only a choice of words."""
        return self.high > self.low

    @property
    def wide(self) -> bool:
        """Whether its range is too wide for a slider."""
        return self.high - self.low > _WIDEST

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
    return controls_of(schema(), "Face", of_face=True)


@cache
def shot_controls() -> tuple[Control, ...]:
    """The controls of the whole shot: those of its sections."""
    found = controls_of(schema(), None, of_face=False)
    return tuple(one for one in found if one.section and one.section not in _NOT_SHOWN)


def controls_of(document: Mapping[str, Any], definition: str | None, *, of_face: bool) -> tuple[Control, ...]:
    """The controls of a JSON schema, or of one of its definitions: one for every key that is a number or a choice."""
    found: Mapping[str, Any] = document.get("$defs", {})
    section = document if definition is None else found[definition]
    return tuple(_controls(found, section, Control(path=(), of_face=of_face, meaning="")))


def _controls(definitions: Mapping[str, Any], section: Mapping[str, Any], around: Control) -> Iterator[Control]:
    for key, entry in section.get("properties", {}).items():
        if key == "select":  # a click on the picture does that
            continue
        kinds = list(_kinds(definitions, entry))
        control = replace(around, path=(*around.path, key), meaning=entry.get("description", ""))
        number = next((kind for kind in kinds if "minimum" in kind and "maximum" in kind), None)
        words = [word for kind in kinds for word in kind.get("enum", [kind["const"]] if "const" in kind else [])]
        for inner in (kind for kind in kinds if "properties" in kind):
            yield from _controls(definitions, inner, control)
        if number is not None:
            yield replace(
                control,
                low=number["minimum"],
                high=number["maximum"],
                whole=number["type"] == "integer",
                keyed=any(isinstance(kind.get("additionalProperties"), Mapping) for kind in kinds),
                choices=tuple(words),
            )
        elif words:
            yield replace(control, choices=tuple(words))


def _kinds(definitions: Mapping[str, Any], entry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a key may hold, without references and null."""
    if "$ref" in entry:
        yield from _kinds(definitions, definitions[entry["$ref"].rsplit("/", 1)[1]])
    elif several := entry.get("anyOf") or entry.get("oneOf"):
        for kind in several:
            yield from _kinds(definitions, kind)
    elif entry.get("type") != "null":
        yield entry
