"""A YAML file as a strict pydantic model says: every error names file, line and what to write instead."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import GenericAlias
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from vfxage.errors import ShotError
from vfxage.shot.document import LARGEST_FILE, Document, Place, parse_document

M = TypeVar("M", bound=BaseModel)

_KINDS = {
    "string_type": "text; put it in quotes",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "tuple_type": "a list, such as [a, b]",
    "model_type": "keys and values, such as {key: value}",
    "model_attributes_type": "keys and values, such as {key: value}",
}
_LIMITS = {
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "multiple_of": "a multiple of {multiple_of}",
}
_RANK = {"missing": 1, "too_short": 2}
"""What may only follow from another problem: a mistyped key is also a missing one, a wrong item makes a list short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What such a file is called, and what to do where there is another."""

    name: str
    """ "shot file"."""
    start: str
    """What to do about an empty one."""
    instead: str
    """What to do about a picture, a movie or a checkpoint."""


def read_document(path: Path, kind: Kind) -> Document:
    """Read a file that is a mapping of keys to values; raises ShotError with file and line for any other."""
    try:
        document = parse_document(_text(path, kind))
        if not isinstance(document.data, dict):
            what = "the file is empty" if document.data is None else "the file is not a mapping of keys to values"
            raise ShotError(what, fix=kind.start)
    except ShotError as error:
        raise ShotError(error.what, path=path, line=error.line, fix=error.fix) from error
    return document


def _text(path: Path, kind: Kind) -> str:
    try:
        if path.exists() and not path.is_file():
            raise ShotError("is not a file", fix=f"name a {kind.name}")
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ShotError(f"cannot be read ({error.strerror})", fix="check the path") from error
    if path.suffix.lower() not in (".yaml", ".yml") and (b"\0" in data or len(data) > LARGEST_FILE):
        raise ShotError(f"is no {kind.name}", fix=kind.instead)
    if len(data) > LARGEST_FILE:
        raise ShotError(f"is larger than 1 MiB, which no {kind.name} is", fix="check the path")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ShotError("is not UTF-8 text", line=line, fix="save it as UTF-8") from error


@dataclass(frozen=True)
class StrictFile(Generic[M]):
    """A file's data on their way into ``model``; what a kind of file says in words of its own, a subclass says."""

    path: Path
    document: Document
    model: type[M]
    overrides: Mapping[Place, str] = field(default_factory=dict)
    """What was changed after reading, and the ``--set`` that did it."""

    def validated(self, **context: object) -> M:
        """The model; raises ShotError for the first thing wrong, what is wrong before what is missing, then by line.

        Validators find ``path`` and ``context`` in their context.
        """
        try:
            return self.model.model_validate(_frozen(self.document.data), context={"path": self.path, **context})
        except ValidationError as error:
            found = [(self.place(problem), problem) for problem in error.errors(include_url=False)]
        place, problem = min(found, key=lambda item: (_RANK.get(item[1]["type"], 0), self.line(item[0]) or 0))
        raise self.error(place, *self.words(place, problem))

    def error(self, place: Place, what: str, fix: str) -> ShotError:
        """The error for the value at a place: of the ``--set`` that put it there, else of its line."""
        for start, text in self.overrides.items():
            inside = place[: len(start)] == start
            if inside or (start[: len(place)] == place and place not in self.document.lines):
                return ShotError(f"--set {text}: {what}", fix=fix)
        return ShotError(what, path=self.path, line=self.line(place), fix=fix)

    def line(self, place: Place) -> int | None:
        """Of the value, else of what it would stand in."""
        ends = range(len(place), -1, -1)
        return next((self.document.lines[place[:end]] for end in ends if place[:end] in self.document.lines), None)

    def lines(self) -> dict[Place, int]:
        """Of every value, those aside that ``--set`` has changed, or changed something in."""
        lines = self.document.lines.items()
        return {
            place: line
            for place, line in lines
            if not any(place[: len(start)] == start[: len(place)] for start in self.overrides)
        }

    def place(self, problem: Mapping[str, Any]) -> Place:
        """Where the value stands that pydantic complains of."""
        return tuple(problem["loc"])

    def name(self, place: Place) -> str:
        """The place in words."""
        return ".".join(str(part) for part in place)

    def words(self, place: Place, problem: Mapping[str, Any]) -> tuple[str, str]:
        """pydantic's problem in ours: what, and what to do."""
        kind, context = problem["type"], problem.get("ctx", {})
        what = f"`{self.name(place)}` is {_shown(problem['input'])}"
        if kind == "extra_forbidden":
            return self._unknown(place)
        if kind == "missing":
            return self._missing(place)
        if kind == "value_error":
            said, _, fix = str(context["error"]).partition("; ")
            return f"`{self.name(place)}` {said}", fix or "correct it"
        if kind == "literal_error":
            return what, f"choose {context['expected']}"
        if kind in ("too_short", "too_long"):
            least, most = context.get("min_length", 1), context.get("max_length")
            fix = f"name at least {'one' if least == 1 else least}" if kind == "too_short" else f"name {most} at most"
            return f"`{self.name(place)}` has {context['actual_length']} values", fix
        if kind in _LIMITS:
            return what, f"make it {self._range(place) or _LIMITS[kind].format(**context)}"
        if kind in _KINDS:
            return what, f"it must be {_KINDS[kind]}"
        return f"`{self.name(place)}`: {problem['msg']}", "correct it"

    def _range(self, place: Place) -> str | None:
        """From where to where the value of a key may go; None where it has not both."""
        own = self._section(place[:-1]).model_fields.get(str(place[-1]))
        bounds = {type(rule).__name__: rule for rule in own.metadata} if own else {}
        return f"{bounds['Ge'].ge:g} to {bounds['Le'].le:g}" if {"Ge", "Le"} <= bounds.keys() else None

    def _unknown(self, place: Place) -> tuple[str, str]:
        key, where = str(place[-1]), self.name(place[:-1])
        here = self._section(place[:-1])
        what = f"unknown key `{key}`" + (f" in {where}" if where else "")
        near = difflib.get_close_matches(key, here.model_fields, n=1, cutoff=0.6)
        if near:
            return what, f"did you mean `{near[0]}`?"
        for section, model in _sections(self.model):
            if key in model.model_fields and model is not here:
                return what, f"`{key}` belongs {'in `' + '.'.join(section) + '`' if section else 'at the top'}"
        return what, f"the keys here are {', '.join(here.model_fields)}"

    def _missing(self, place: Place) -> tuple[str, str]:
        key, where = place[-1], self.name(place[:-1])
        if isinstance(key, int):
            return f"`{where}` has too few values", "write [a, b]"
        return f"`{key}` is missing" + (f" in {where}" if where else ""), f"add `{key}: ...`"

    def _section(self, place: Place) -> type[BaseModel]:
        """The model whose keys stand at a place, or around it."""
        model: type[BaseModel] = self.model
        for part in place:
            if isinstance(part, str) and part in model.model_fields:
                model = next(_models_in(model.model_fields[part].annotation), model)
        return model


def _sections(model: type[BaseModel]) -> Iterator[tuple[tuple[str, ...], type[BaseModel]]]:
    """A model and all within it, with the keys that lead there, the nearest to the top first."""
    level: list[tuple[tuple[str, ...], type[BaseModel]]] = [((), model)]
    while level:
        yield from level
        level = [
            ((*keys, key), inner)
            for keys, outer in level
            for key, info in outer.model_fields.items()
            for inner in _models_in(info.annotation)
        ]


def _models_in(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel) and not isinstance(kind, GenericAlias):
        yield kind
    for part in typing.get_args(kind):
        yield from _models_in(part)


def _frozen(data: Any) -> Any:
    """Lists as tuples: what a frozen model holds."""
    if isinstance(data, dict):
        return {key: _frozen(value) for key, value in data.items()}
    return tuple(_frozen(item) for item in data) if isinstance(data, list) else data


def _shown(value: object) -> str:
    text = "empty" if value is None else f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
