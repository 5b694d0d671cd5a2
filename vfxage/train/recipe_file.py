"""A training file, loaded: every error names file, line and what to write instead."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from vfxage.errors import ShotError
from vfxage.shot.document import LARGEST_FILE, Document, Place, parse_document
from vfxage.train.recipe import Recipe

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


def load_recipe(path: str | Path) -> Recipe:
    """Read and check a training file; paths in it are relative to it and come back absolute.

    Raises ShotError with the file, the line, and the nearest right name or value.
    """
    path = Path(path).absolute()
    try:
        document = parse_document(_text(path))
        if not isinstance(document.data, dict):
            what = "the file is empty" if document.data is None else "the file is not a mapping of keys to values"
            raise ShotError(what, fix="start with `out: ...` and `data:`, as in configs/train/small.yaml")
    except ShotError as error:
        raise ShotError(error.what, path=path, line=error.line, fix=error.fix) from error
    try:
        return Recipe.model_validate(_frozen(document.data), context={"path": path})
    except ValidationError as error:
        problems = error.errors(include_url=False)
        problem = min(problems, key=lambda item: (item["type"] == "missing", _line(document, item["loc"]) or 0))
        what, fix = _words(problem)
        raise ShotError(what, path=path, line=_line(document, problem["loc"]), fix=fix) from None


def _text(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            raise ShotError("is not a file", fix="name a training file")
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ShotError(f"cannot be read ({error.strerror})", fix="check the path") from error
    if len(data) > LARGEST_FILE or b"\0" in data:
        raise ShotError("is no training file", fix="name a YAML file such as configs/train/small.yaml")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ShotError(
            "is not UTF-8 text", line=data.count(b"\n", 0, error.start) + 1, fix="save it as UTF-8"
        ) from error


def _frozen(data: Any) -> Any:
    """Lists as tuples: what a frozen model holds."""
    if isinstance(data, dict):
        return {key: _frozen(value) for key, value in data.items()}
    return tuple(_frozen(item) for item in data) if isinstance(data, list) else data


def _line(document: Document, place: Place) -> int | None:
    """Of the value, else of what it would stand in."""
    return next(
        (document.lines[place[:end]] for end in range(len(place), -1, -1) if place[:end] in document.lines), None
    )


def _words(problem: Mapping[str, Any]) -> tuple[str, str]:
    kind, value, context = problem["type"], problem["input"], problem.get("ctx", {})
    place: Place = tuple(problem["loc"])
    name = ".".join(str(part) for part in place)
    shown = "empty" if value is None else f'"{value}"' if isinstance(value, str) else str(value)
    what = f"`{name}` is {shown if len(shown) <= 60 else shown[:57] + '...'}"
    if kind == "extra_forbidden":
        known = list(_model_at(place[:-1]).model_fields)
        near = difflib.get_close_matches(str(place[-1]), known, n=1, cutoff=0.6)
        fix = f"did you mean `{near[0]}`?" if near else f"the keys here are {', '.join(known)}"
        return f"unknown key `{name}`", fix
    if kind == "missing":
        return f"`{name}` is missing", f"add `{place[-1]}: ...`"
    if kind == "value_error":
        said, _, fix = str(context["error"]).partition("; ")
        return f"`{name}` {said}", fix or "correct it"
    if kind == "literal_error":
        return what, f"choose {context['expected']}"
    if kind == "too_short":
        return f"`{name}` is empty", "name one at least"
    if kind == "too_long":
        return f"`{name}` names {context['actual_length']}", f"name {context['max_length']} at most"
    if kind in _LIMITS:
        return what, f"make it {_LIMITS[kind].format(**context)}"
    if kind in _KINDS:
        return what, f"it must be {_KINDS[kind]}"
    return f"`{name}`: {problem['msg']}", "correct it"


def _model_at(place: Place) -> type[BaseModel]:
    """The model whose keys stand at a place."""
    model: type[BaseModel] = Recipe
    for part in place:
        if isinstance(part, str) and part in model.model_fields:
            found = _models_in(model.model_fields[part].annotation)
            model = found[0] if found else model
    return model


def _models_in(kind: Any) -> list[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel) and not isinstance(kind, types.GenericAlias):
        return [kind]
    return [model for part in typing.get_args(kind) for model in _models_in(part)]
