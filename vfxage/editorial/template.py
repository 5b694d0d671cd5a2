"""The template of a show's shot files: placeholders, comments, and names that are safe in paths."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vfxage.editorial.cut import Event
from vfxage.errors import ShotError
from vfxage.shot.document import Document, Place, compose_text, parse_document
from vfxage.shot.load import SHOT_FILE
from vfxage.shot.paths import PLACEHOLDERS
from vfxage.shot.strict import read_document

_BRACES = re.compile(r"\{([A-Za-z_]{0,40})\}")
_UNSAFE = re.compile(r"[/\\#@%$:*?\"<>|\x00-\x1f\x7f]")
"""Characters that would leave the folder, stand for a frame number, or are not allowed on some file systems."""
_SUFFIX = re.compile(r"\.(mov|mp4|mxf|mkv|avi|exr|dpx|tiff?|png|jpe?g|ari|r3d|braw)$", re.IGNORECASE)
_NUMBERS = re.compile(r"[._-]?(#+|@{2,}|%0?\d*d|\$F\d?|\[\d+-\d+\])$")
_KEY = re.compile(r"(\w+)\s*:(?=\s)")
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Template:
    """A template file. Its paths are relative to the shot files, not to the template."""

    path: Path
    document: Document
    text: str
    """The text of the file, with its comments."""

    def error(self, what: str, fix: str, *, key: str | None = None, line: int | None = None) -> ShotError:
        """An error at a top-level key, or a line."""
        return ShotError(what, path=self.path, line=line or self.document.lines.get((key,) if key else ()), fix=fix)

    def filled(self, event: Event, name: str) -> Mapping[str, Any]:
        """The template's data for the shot ``name`` of an event: every placeholder is replaced."""
        words = _words(event, name)
        return {key: _fill(value, words) for key, value in self.document.data.items()}

    def written(self, event: Event, name: str, data: Mapping[str, Any]) -> str:
        """The text of a shot file that holds ``data``.

        Every top-level key with the same value as in the template keeps the template's text and comments. A comment at
        the top, with a blank line after it, is about the template, and is left out.
        """
        words, filled, blocks = _words(event, name), self.filled(event, name), _blocks(self.text)
        text = "".join(
            blocks[key] if key in blocks and key in filled and filled[key] == value else compose_text({key: value})
            for key, value in data.items()
        )
        lines = text.splitlines(keepends=True)
        text = "".join(line if line.lstrip().startswith("#") else _fill(line, words) for line in lines)
        with suppress(ShotError):
            if parse_document(text).data == data:
                return text
        return compose_text(data)


def read_template(path: str | Path) -> Template:
    """Read a template. Raises ShotError with file and line if it is not a template, or has an unknown placeholder."""
    path = Path(path).absolute()
    document = read_document(path, replace(SHOT_FILE, name="template"))
    template = Template(path, document, path.read_text(encoding="utf-8-sig"))
    data = template.document.data
    if "frames" in data:
        raise template.error("`frames` comes from the cut", "remove it from the template", key="frames")
    if not isinstance(data.get("plate", ""), str):
        raise template.error("`plate` is not text", "write a path such as ../plates/{reel}.####.exr", key="plate")
    _check(data, (), template)
    return template


def _words(event: Event, name: str) -> Mapping[str, str]:
    """The replacement of each placeholder."""
    return {
        "name": name,
        "clip": safe_text(event.name),
        "reel": safe_text(event.reel),
        "source": safe_text(event.source),
        "event": f"{event.number:03d}",
    }


def _blocks(text: str) -> Mapping[str, str]:
    """The text of each top-level key of a template, with the comments above it."""
    blocks: dict[str, str] = {}
    key, ahead = "", ""
    for line in f"{text.rstrip()}\n".splitlines(keepends=True):
        found = _KEY.match(line)
        if found is None and (not line.strip() or line.startswith("#")):
            ahead = ahead + line if key or line.strip() else ""
            continue
        key = found[1] if found else key
        blocks[key] = f"{blocks.get(key, '')}{ahead}{line}"
        ahead = ""
    blocks[key] = blocks.get(key, "") + ahead
    return blocks


def _check(value: Any, place: Place, template: Template) -> None:
    """Raise ShotError for an unknown placeholder in a value."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            _check(inner, (*place, key), template)
    for match in _BRACES.finditer(value) if isinstance(value, str) else ():
        if match[1] not in PLACEHOLDERS:
            near = difflib.get_close_matches(match[1], PLACEHOLDERS, n=1) or PLACEHOLDERS
            line = template.document.lines.get(place)
            fix = f"write {' or '.join(f'{{{name}}}' for name in near)}"
            raise template.error(f"unknown placeholder {match[0]}", fix, line=line)


def _fill(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _fill(inner, words) for key, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, words) for inner in value]
    return _BRACES.sub(lambda match: words[match[1]], value) if isinstance(value, str) else value


def safe_text(text: str) -> str:
    """Make a name from a cut safe in a path: it cannot leave the folder, and has no frame number pattern."""
    return _UNSAFE.sub("_", " ".join(text.split())).strip(". ")[:_LONGEST].rstrip(". ") or "_"


def shot_name(text: str) -> str:
    """Make a shot name of a name from a cut: letters, digits, `-`, `_`, `.`; no file suffix and no frame numbers."""
    stem = _NUMBERS.sub("", _SUFFIX.sub("", text.strip()))
    plain = re.sub(r"[^\w.-]+|(?<=\.)\.+", "_", stem, flags=re.ASCII).strip("._-")
    return plain[:_LONGEST].rstrip("._-") or "shot"


def unique(name: str, taken: set[str]) -> str:
    """The name, with a number if it is in ``taken``, which is changed. Upper and lower case count as the same."""
    number, result = 1, name
    while result.casefold() in taken:
        number += 1
        result = f"{name}_{number}"
    taken.add(result.casefold())
    return result
