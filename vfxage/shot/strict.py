"""Check a YAML file against a pydantic model. Every error names the file, the line, and what to write instead."""

from __future__ import annotations

import difflib
import os
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import GenericAlias
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from vfxage.errors import ShotError
from vfxage.frames import no_file
from vfxage.shot.document import LARGEST_FILE, Document, Place, parse_document, shown
from vfxage.shot.kinds import kinds
from vfxage.shot.numbers import number_fix

M = TypeVar("M", bound=BaseModel)

_TYPES = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
}
_LIMITS = {
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "multiple_of": "a multiple of {multiple_of}",
}
_SHAPES = ("string_type", "tuple_type", "model_type", "model_attributes_type")
_RANK = {"missing": 1, "too_short": 2}
"""Problems that can be the result of another one, which is reported first: a mistyped key is also a missing key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlKind:
    """A kind of YAML file: its name, and what a user can do about a wrong file."""

    name: str
    """What messages call it, such as "shot file"."""
    if_empty: str
    """What to do if the file is empty, or holds no keys."""
    if_binary: str
    """What to do if the file is a picture, a movie or a checkpoint."""


def read_document(path: Path, kind: YamlKind) -> Document:
    """Read a YAML file of keys and values. Raises ShotError with file and line for any other file."""
    try:
        text = _text(path, kind)
        # JSON may be indented with tabs, which YAML does not allow. A text in JSON never holds a tab.
        document = parse_document(text.replace("\t", " ") if path.suffix.lower() == ".json" else text)
        if not isinstance(document.data, dict):
            what = "the file is empty" if document.data is None else "the file is not a mapping of keys to values"
            raise ShotError(what, fix=kind.if_empty)
    except ShotError as error:
        raise ShotError(error.what, path=path, line=error.line, fix=error.fix) from error
    return document


def _text(path: Path, kind: YamlKind) -> str:
    """The text of the file, without a byte order mark; raises ShotError without the path."""
    try:
        if os.path.lexists(path) and not path.is_file():
            raise ShotError(no_file(path), fix=f"name a {kind.name}")
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ShotError(f"cannot be read ({error.strerror})", fix="check the path") from error
    if path.suffix.lower() not in (".yaml", ".yml") and (b"\0" in data or len(data) > LARGEST_FILE):
        raise ShotError(f"is not a {kind.name}", fix=kind.if_binary)
    if len(data) > LARGEST_FILE:
        raise ShotError(f"is larger than 1 MiB, the most for a {kind.name}", fix="check the path")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ShotError("is not UTF-8 text", line=line, fix="save it as UTF-8") from error


@dataclass(frozen=True)
class StrictFile(Generic[M]):
    """A YAML file that is checked against ``model``. A subclass can improve places, names and messages."""

    path: Path
    document: Document
    model: type[M]
    overrides: Mapping[Place, str] = field(default_factory=dict)
    """The places that ``--set`` changed, with the text of that option."""

    def validate(self, **context: object) -> M:
        """Make the model. Validators get ``path`` and ``context`` as their context.

        Raises ShotError for the first problem: wrong values come before missing ones, then the line decides.
        """
        try:
            return self.model.model_validate(_frozen(self.document.data), context={"path": self.path, **context})
        except ValidationError as error:
            found = [(self.place_of(problem), problem) for problem in error.errors(include_url=False)]
        place, problem = min(found, key=lambda item: (_RANK.get(item[1]["type"], 0), self.line_of(item[0]) or 0))
        what, fix = self.explain(place, problem)
        # A value that may be of several kinds has one problem for each of them.
        others = [self.explain(place, other)[1] for at, other in found if at == place and other is not problem]
        raise self.error(place, what, ", or ".join(dict.fromkeys((fix, *others))))

    def error(self, place: Place, what: str, fix: str) -> ShotError:
        """The error for the value at a place. It names the ``--set`` that put the value there, else file and line."""
        for start, text in self.overrides.items():
            inside = place[: len(start)] == start
            if inside or (start[: len(place)] == place and place not in self.document.lines):
                return ShotError(f"--set {text}: {what}", fix=fix)
        written = self._written(place)
        return ShotError(what, path=self.document.files.get(written, self.path), line=self.line_of(place), fix=fix)

    def line_of(self, place: Place) -> int | None:
        """The line of a value, or of the section around a value that is not in the file."""
        return self.document.lines.get(self._written(place))

    def _written(self, place: Place) -> Place:
        """The place, or the nearest section around it that is written in a file."""
        ends = range(len(place), -1, -1)
        return next((place[:end] for end in ends if place[:end] in self.document.lines), ())

    def lines_of_file(self) -> dict[Place, int]:
        """The line of every value that comes from the file alone, without any ``--set``."""
        lines = self.document.lines.items()
        return {
            place: line
            for place, line in lines
            if not any(place[: len(start)] == start[: len(place)] for start in self.overrides)
        }

    def place_of(self, problem: Mapping[str, Any]) -> Place:
        """The place of a problem that pydantic found."""
        return tuple(problem["loc"])

    def name_of(self, place: Place) -> str:
        """The place as messages write it."""
        return ".".join(str(part) for part in place)

    def explain(self, place: Place, problem: Mapping[str, Any]) -> tuple[str, str]:
        """What is wrong, and what to do, in words for the user."""
        kind, context = problem["type"], problem.get("ctx", {})
        what = f"`{self.name_of(place)}` is {shown(problem['input'])}"
        if kind == "extra_forbidden":
            return self._unknown(place)
        if kind == "missing":
            return self._missing(place)
        if kind == "value_error":
            problem_text, _, fix = str(context["error"]).partition("; ")
            return f"`{self.name_of(place)}` {problem_text}", fix or "correct it"
        if kind == "literal_error":
            return what, f"choose {context['expected']}"
        if kind in ("too_short", "too_long"):
            return self._length(place, kind, context)
        if kind in _LIMITS:
            return what, f"make it {self._range(place) or _LIMITS[kind].format(**context)}"
        if kind in _TYPES:
            return what, number_fix(problem["input"]) or f"make it {_TYPES[kind]}"
        if kind in _SHAPES:
            return what, self._shape(place, kind, problem["input"])
        if kind == "string_too_short":
            return f"`{self.name_of(place)}` is empty", "write a name, or leave the key out"
        return f"`{self.name_of(place)}`: {problem['msg']}", "correct it"

    def _shape(self, place: Place, kind: str, value: object) -> str:
        """What to write in the place of a value of another shape, such as a number where a list belongs."""
        if kind == "string_type":
            return "put it in quotes" if isinstance(value, int | float) else "write text"
        section = self._section(place)
        if kind != "tuple_type":
            return f"write keys and values; the keys here are {', '.join(section.model_fields)}"
        if section is not self._section(place[:-1]):
            return f"make it a list, such as [{{{next(iter(section.model_fields))}: ...}}]"
        return f"make it a list, such as [{value if isinstance(value, str | int | float) else 'a, b'}]"

    def _length(self, place: Place, kind: str, context: Mapping[str, Any]) -> tuple[str, str]:
        least, count = context.get("min_length", 1), context["actual_length"]
        at_least = f"name at least {'one' if least == 1 else least}"
        fix = at_least if kind == "too_short" else f"name {context['max_length']} at most"
        return f"`{self.name_of(place)}` has {count} {'value' if count == 1 else 'values'}", fix

    def _range(self, place: Place) -> str | None:
        """The limits of a key, such as "0 to 8"; None if it has only one limit."""
        own = self._section(place[:-1]).model_fields.get(str(place[-1]))
        rules = (*own.metadata, *kinds(own.annotation)) if own else ()
        limits = (limit for rule in rules for limit in (rule, *getattr(rule, "metadata", ())))
        bounds = {type(limit).__name__: limit for limit in limits}
        return f"{bounds['Ge'].ge:g} to {bounds['Le'].le:g}" if {"Ge", "Le"} <= bounds.keys() else None

    def _unknown(self, place: Place) -> tuple[str, str]:
        key, where = str(place[-1]), self.name_of(place[:-1])
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
        key, where = place[-1], self.name_of(place[:-1])
        if isinstance(key, int):
            return f"`{where}` has too few values", "write [a, b]"
        return f"`{key}` is missing" + (f" in {where}" if where else ""), f"add `{key}: ...`"

    def _section(self, place: Place) -> type[BaseModel]:
        """The model of the section at a place, or of the section around it."""
        model: type[BaseModel] = self.model
        for part in place:
            if isinstance(part, str) and part in model.model_fields:
                model = next(_models_in(model.model_fields[part].annotation), model)
        return model


def _sections(model: type[BaseModel]) -> Iterator[tuple[tuple[str, ...], type[BaseModel]]]:
    """The model and every model inside it, each with the keys that lead to it; those near the top come first."""
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
    """The models that a type annotation names."""
    if isinstance(kind, type) and issubclass(kind, BaseModel) and not isinstance(kind, GenericAlias):
        yield kind
    for part in typing.get_args(kind):
        yield from _models_in(part)


def _frozen(data: Any) -> Any:
    """The data with tuples for lists, because a frozen model holds tuples."""
    if isinstance(data, dict):
        return {key: _frozen(value) for key, value in data.items()}
    return tuple(_frozen(item) for item in data) if isinstance(data, list) else data
