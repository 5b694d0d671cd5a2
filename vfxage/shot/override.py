"""``--set key.path=value`` on the data of a shot file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from vfxage.errors import ShotError
from vfxage.shot.document import Place, parse_document

_LITERAL = "%@`*&!|>"
"""What cannot start a plain YAML value but may well start a file's name."""


def override(data: Any, texts: Iterable[str]) -> dict[Place, str]:
    """Change ``data`` (fresh, dicts and lists) in place; answer what stands where now.

    An element of a path is a key, an index, or a face's name: ``faces.lead.target_age=60``, ``outputs.0.path=...``.
    Values are YAML. Raises ShotError naming the ``--set`` that does not fit.
    """
    places: dict[Place, str] = {}
    for text in texts:
        path, equals, value = text.partition("=")
        steps = [step.strip() for step in path.split(".")]
        if not equals or not all(steps):
            raise ShotError(f"--set {text}: not key.path=value", fix="write, for example, --set temporal.radius=3")
        places[_put(data, steps, _value(value.strip(), text), text)] = text
    return places


def _value(value: str, text: str) -> Any:
    if value[:1] in _LITERAL and value:
        return value
    try:
        return parse_document(value).data
    except ShotError as error:
        raise ShotError(f"--set {text}: {error.what}", fix="put the value in quotes") from error


def _put(data: Any, steps: list[str], value: Any, text: str) -> Place:
    place: Place = ()
    for step in steps[:-1]:
        key = _key(data, step, place, text)
        if isinstance(data, dict) and data.get(key) is None:
            data[key] = {}
        data, place = data[key], (*place, key)
    last = _key(data, steps[-1], place, text)
    data[last] = value
    return (*place, last)


def _key(data: Any, step: str, place: Place, text: str) -> str | int:
    where = ".".join(str(part) for part in place) or "the shot"
    if isinstance(data, dict):
        numbers = any(type(key) is int for key in data)
        return int(step) if numbers and step.lstrip("-").isdecimal() else step
    if not isinstance(data, list):
        raise ShotError(f"--set {text}: `{where}` has nothing inside it", fix=f"set `{where}` itself")
    names = [item.get("name") if isinstance(item, dict) else None for item in data]
    if step in names:
        return names.index(step)
    if step.isdecimal() and int(step) < len(data):
        return int(step)
    choices = [name for name in names if isinstance(name, str)] or [str(index) for index in range(len(data))]
    near = difflib.get_close_matches(step, choices, n=1, cutoff=0.5) or choices
    raise ShotError(
        f"--set {text}: `{where}` has no `{step}`", fix=f"did you mean {' or '.join(near)}?" if near else "it is empty"
    )
