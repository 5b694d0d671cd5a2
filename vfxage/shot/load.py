"""A shot file, loaded: every error names file, line and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from vfxage.errors import ShotError
from vfxage.shot.document import LARGEST_FILE, Document, Place, parse_document
from vfxage.shot.models import FACE_DEFAULTS, Face, Matte, Output, PointSelect, Shot, Temporal, Tracking
from vfxage.shot.override import override
from vfxage.shot.rules import misfits

_SECTIONS: dict[tuple[str, ...], type[BaseModel]] = {
    (): Shot,
    ("faces",): Face,
    ("faces", "select"): PointSelect,
    ("temporal",): Temporal,
    ("matte",): Matte,
    ("tracking",): Tracking,
    ("outputs",): Output,
}

_KINDS = {
    "string_type": "text; put it in quotes",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "tuple_type": "a list, such as [a, b]",
    "model_type": "keys and values, such as {key: value}",
    "model_attributes_type": "keys and values, such as {key: value}",
}

_RANK = {"missing": 1, "too_short": 2}
"""What may only follow from another problem: a mistyped key is also a missing one, a wrong item makes a list short."""


def load_shot(path: str | Path, overrides: Iterable[str] = ()) -> Shot:
    """Read and check a shot file, with ``--set`` overrides (``"faces.lead.target_age=60"``) on top.

    Paths in it are relative to the file and come back absolute; nothing in them is expanded. Raises ShotError with the
    file, the line, and the nearest right name or value.
    """
    path = Path(path).absolute()
    try:
        document = parse_document(_text(path))
        if not isinstance(document.data, dict):
            what = "the file is empty" if document.data is None else "the file is not a mapping of keys to values"
            raise ShotError(what, fix="start with `plate: ...` (vfxage schema prints what a shot may say)")
    except ShotError as error:
        raise ShotError(error.what, path=path, line=error.line, fix=error.fix) from error
    source = _Source(path, document, override(document.data, overrides))
    try:
        shot = Shot.model_validate(_frozen(document.data), context={"path": path, "lines": source.lines()})
    except ValidationError as error:
        raise source.complaint(error) from None
    for misfit in misfits(shot):
        raise source.error(misfit.place, misfit.what, misfit.fix)
    return shot


def _text(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            raise ShotError("is not a file", fix="name a shot file")
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ShotError(f"cannot be read ({error.strerror})", fix="check the path") from error
    if path.suffix.lower() not in (".yaml", ".yml") and (b"\0" in data or len(data) > LARGEST_FILE):
        raise ShotError("is no shot file", fix="name the YAML file of a shot; `vfxage info` takes a plate on its own")
    if len(data) > LARGEST_FILE:
        raise ShotError("is larger than 1 MiB, which no shot file is", fix="check the path")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ShotError("is not UTF-8 text", line=line, fix="save it as UTF-8") from error


def _frozen(data: Any) -> Any:
    """Lists as tuples: what a frozen model holds."""
    if isinstance(data, dict):
        return {key: _frozen(value) for key, value in data.items()}
    return tuple(_frozen(item) for item in data) if isinstance(data, list) else data


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the values of a shot came from."""

    path: Path
    document: Document
    overrides: Mapping[Place, str]

    def error(self, place: Place, what: str, fix: str) -> ShotError:
        """The error for the value at a place: of the ``--set`` that put it there, else of its line."""
        for start, text in self.overrides.items():
            inside = place[: len(start)] == start
            if inside or (start[: len(place)] == place and place not in self.document.lines):
                return ShotError(f"--set {text}: {what}", fix=fix)
        return ShotError(what, path=self.path, line=self.line(place), fix=fix)

    def line(self, place: Place) -> int | None:
        """Of the value, else of what it would stand in."""
        for end in range(len(place), -1, -1):
            if place[:end] in self.document.lines:
                return self.document.lines[place[:end]]
        return None

    def lines(self) -> dict[str, int]:
        """Of the top level's keys, those aside that ``--set`` has changed."""
        changed = {place[0] for place in self.overrides}
        lines = {place[0]: line for place, line in self.document.lines.items() if len(place) == 1}
        return {str(key): line for key, line in lines.items() if key not in changed}

    def complaint(self, error: ValidationError) -> ShotError:
        """The first thing that pydantic found, in our words: what is wrong before what is missing, then by line."""
        found = [(self._place(problem), problem) for problem in error.errors(include_url=False)]
        place, problem = min(found, key=lambda item: (_RANK.get(item[1]["type"], 0), self.line(item[0]) or 0))
        what, fix = self._words(place, problem)
        return self.error(place, what, fix)

    def _place(self, problem: Mapping[str, Any]) -> Place:
        """pydantic's place without the names of a union's members; defaults of faces stand where they were written."""
        place: Place = tuple(problem["loc"])
        if place[:1] == ("faces",) and place[2:3] == ("select",):
            place = (*place[:3], *place[4:])
        written = place in self.document.lines or problem["type"] == "missing"
        if place[:1] == ("faces",) and place[2:3] and place[2] in FACE_DEFAULTS and not written:
            return place[2:]
        return place

    def _words(self, place: Place, problem: Mapping[str, Any]) -> tuple[str, str]:
        kind, value, context = problem["type"], problem["input"], problem.get("ctx", {})
        name = self.name(place)
        if kind == "extra_forbidden":
            return self._unknown(place)
        if kind == "missing":
            return self._missing(place)
        if kind == "value_error":
            what, _, fix = str(context["error"]).partition("; ")
            return f"`{name}` {what}", fix or "correct it"
        if kind == "literal_error":
            return f"`{name}` is {_shown(value)}", f"choose {context['expected']}"
        if kind in ("greater_than_equal", "less_than_equal"):
            model = _section(place)
            return f"`{name}` is {_shown(value)}", f"make it {_limits(model, str(place[-1]))}"
        if kind in ("too_short", "too_long"):
            return f"`{name}` has {context['actual_length']} values", _length_fix(place, context)
        if kind in _KINDS:
            return f"`{name}` is {_shown(value)}", f"it must be {_KINDS[kind]}"
        return f"`{name}`: {problem['msg']}", "correct it"

    def name(self, place: Place) -> str:
        """The place as ``--set`` writes it: faces by name."""
        words = [str(part) for part in place]
        faces = self.document.data.get("faces")
        if len(place) > 1 and place[0] == "faces" and isinstance(faces, list) and isinstance(place[1], int):
            face = faces[place[1]] if place[1] < len(faces) else None
            if isinstance(face, dict) and isinstance(face.get("name"), str):
                words[1] = face["name"]
        return ".".join(words)

    def _unknown(self, place: Place) -> tuple[str, str]:
        key, where = str(place[-1]), self.name(place[:-1])
        known = list(_section(place[:-1]).model_fields)
        what = f"unknown key `{key}`" + (f" in {where}" if where else "")
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
        if near:
            return what, f"did you mean `{near[0]}`?"
        for section, model in _SECTIONS.items():
            if section and key in model.model_fields and section != _plain(place[:-1]):
                return what, f"`{key}` belongs in `{'.'.join(section)}`"
        if key in Shot.model_fields:
            return what, f"`{key}` belongs at the top of the shot"
        return what, f"the keys here are {', '.join(known)}"

    def _missing(self, place: Place) -> tuple[str, str]:
        key, where = place[-1], self.name(place[:-1])
        if isinstance(key, int):
            return f"`{where}` has too few values", "write [x, y]"
        if place[0] == "faces" and key in FACE_DEFAULTS:
            if not self.document.data.get("faces"):
                return f"`{key}` is missing", f"add `{key}: 40` (years), or `faces:` with ages of their own"
            return f"`{where}` has no `{key}`", f"add `{key}` to it, or at the top of the shot for every face"
        return f"`{key}` is missing" + (f" in {where}" if where else ""), f"add `{key}: ...`"


def _plain(place: Place) -> tuple[str, ...]:
    return tuple(part for part in place if isinstance(part, str))


def _section(place: Place) -> type[BaseModel]:
    """The model whose keys stand at a place, or around it."""
    words = _plain(place)
    while words not in _SECTIONS:
        words = words[:-1]
    return _SECTIONS[words]


def _limits(model: type[BaseModel], key: str) -> str:
    bounds = {type(rule).__name__: rule for rule in model.model_fields[key].metadata}
    return f"{bounds['Ge'].ge:g} to {bounds['Le'].le:g}"


def _length_fix(place: Place, context: Mapping[str, Any]) -> str:
    if place == ("faces",):
        return "leave it out for every face, or name one"
    return "write [x, y]" if context.get("max_length") == 2 else "name at least one"


def _shown(value: object) -> str:
    text = "empty" if value is None else f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
