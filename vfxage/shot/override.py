"""``--set key.path=value``: change the data of a shot file before it is checked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from vfxage.errors import ShotError
from vfxage.shot.document import Place, parse_document

_LISTS = ("faces", "outputs")
"""Lists of a shot file. ``--set`` changes their items, and does not make new ones."""
_NOT_YAML = tuple("%@`*&!|>#")
"""Characters that cannot start a plain YAML value, but can start the name of a file."""
_ENCLOSED = tuple("\"'[{")
"""Characters that start a YAML value in which ``#`` may be part of a text."""


def override(data: Any, texts: Iterable[str]) -> dict[Place, str]:
    """Change ``data`` (dicts and lists, changed in place) and return which text set the value at which place.

    A step of a path is a key, an index, or the name of a face: ``faces.lead.target_age=60``, ``outputs.0.path=...``.
    Values are YAML. Raises ShotError that names the wrong ``--set``.
    """
    places: dict[Place, str] = {}
    for text in texts:
        path, equals, value = text.partition("=")
        steps = [step.strip() for step in path.split(".")]
        if not equals or not all(steps):
            raise ShotError(f"--set {text}: not key.path=value", fix="write, for example, --set temporal.radius=3")
        places[_assign(data, steps, _value(value.strip(), text), text)] = text
    return places


def _value(value: str, text: str) -> Any:
    # An option has no comments: `#` is a frame number, as in "sh 010 ####.exr".
    if value.startswith(_NOT_YAML) or (" #" in value and not value.startswith(_ENCLOSED)):
        return value
    try:
        return parse_document(value).data
    except ShotError as error:
        raise ShotError(f"--set {text}: {error.what}", fix="put the value in quotes") from error


def _assign(data: Any, steps: list[str], value: Any, text: str) -> Place:
    """Put the value at the end of the path, and return its place. Mappings on the way are made where missing."""
    place: Place = ()
    for step in steps[:-1]:
        key = _key(data, step, place, text)
        if isinstance(data, dict) and data.get(key) is None:
            if key in _LISTS:
                fix = f"add `{key}:` to the file" + (f", or set `{steps[-1]}` itself" if key == "faces" else "")
                raise ShotError(f"--set {text}: the shot has no `{key}`", fix=fix)
            data[key] = {}
        data, place = data[key], (*place, key)
    last = _key(data, steps[-1], place, text)
    data[last] = value
    return (*place, last)


def _key(data: Any, step: str, place: Place, text: str) -> str | int:
    """The key or index that a step of the path means in ``data``."""
    if isinstance(data, dict):
        keyframes = any(type(key) is int for key in data)
        return int(step) if keyframes and step.lstrip("-").isdecimal() else step
    where = ".".join(map(str, place)) or "the shot"
    if isinstance(data, list):
        return _index(data, step, f"--set {text}: `{where}` has no `{step}`")
    raise ShotError(f"--set {text}: `{where}` has nothing inside it", fix=f"set `{where}` itself")


def _index(items: list[Any], step: str, what: str) -> int:
    """The index of the item with the name ``step``, else ``step`` as an index. Raises ShotError(what) for neither."""
    names = [item.get("name") if isinstance(item, dict) else None for item in items]
    if step in names:
        return names.index(step)
    if step.isdecimal() and int(step) < len(items):
        return int(step)
    choices = [name for name in names if isinstance(name, str)] or list(map(str, range(len(items))))
    near = difflib.get_close_matches(step, choices, n=1, cutoff=0.5) or choices
    raise ShotError(
        what, fix=f"did you mean {' or '.join(near)}?" if near else "add an entry to the file, where this list is empty"
    )
