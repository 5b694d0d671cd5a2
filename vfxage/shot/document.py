"""Read YAML text as plain data, and remember the line of every value.

Only the safe part of YAML is allowed: no tags, no merge keys, no objects. Words and numbers follow YAML 1.2: ``yes``
and ``on`` are text, ``0101`` is 101. Dates, octal numbers and numbers with a plus sign are text (``numbers.py`` says
why). Aliases are followed, but may not multiply.

PyYAML parses. ruamel.yaml was tried: it reads some files that are refused here, and it moves comments and changes
spaces when it writes a file again. So ``rewrite.py`` changes the text itself, at the places that PyYAML gives.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import yaml

from vfxage.errors import ShotError
from vfxage.shot.numbers import PaddedNumber, is_padded, plain_number

Place: TypeAlias = tuple[str | int, ...]
"""The position of a value: keys and indices from the top, such as ("faces", 0, "target_age")."""

LARGEST_FILE = 1 << 20
"""Bytes."""

MOST_VALUES = 20_000
"""Values in a file, after aliases are followed: a small file with nested aliases must not fill the memory."""

DEEPEST = 16
"""Levels of lists and mappings inside each other."""

_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_KNOWN = ("str", "int", "float", "bool", "null", "timestamp", "value", "merge", "map", "seq")
_YAML_FIXES = {
    "'\\t'": "indent with spaces, not with tabs",
    "mapping values are not allowed": "indent the keys of a section alike, and put keyframes in braces, {1001: 40}, "
    "and text with a colon in quotes",
    "could not find expected ':'": "write `key: value`, with a space after the colon",
    "expected <block end>": "indent the keys of a section by the same number of spaces, and put a value that begins "
    "with a bracket in quotes",
    "expected ',' or ']'": "close the list with ], and put commas between its values",
    "expected ',' or '}'": "close the section with }, and put commas between its keys",
    "end of stream": "close the quote or the bracket that is open",
    "cannot start any token": "put the value in quotes",
    "expected alphabetic or numeric character": "put the value in quotes",
    "undefined alias": "put the value in quotes",
    "another document": "keep one shot in this file, and remove the line `---` before the second",
    "escape": "write \\\\ for a backslash, or put the value in single quotes",
}
"""What to do about a problem of PyYAML, by words in its message; they are tried in this order."""
_FOUND_LATER = ("could not find expected ':'", "end of stream")
"""Problems that PyYAML finds some lines after the one that is wrong, which is its context."""
_CUT_PATTERN = re.compile(
    r"[^#\"'\n]*[:,\[{-][^#\"'\n]*[ \t](?:#{2,}[\w-]*|#)\.(?:exr|dpx|tiff?|png|jpe?g)\b", re.IGNORECASE
)
"""A line with a pattern such as ``a ####.exr`` without quotes: from the first ``#`` on, YAML reads a comment."""
_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in _KNOWN)


@dataclass(frozen=True, slots=True)
class Document:
    """The data of a YAML file, and the line of each value."""

    data: Any
    """A dict, list, str, int, float, bool or None."""
    lines: Mapping[Place, int]
    """Counted from 1. A value in a mapping has the line of its key."""
    files: Mapping[Place, Path] = field(default_factory=dict)
    """The file of each value that comes from an included file."""


def shown(value: object) -> str:
    """A value as messages write it: as the file has it, and at most 60 characters."""
    text = "empty" if value is None else f'"{value}"' if isinstance(value, str) else _plain(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _plain(value: object) -> str:
    """A number, a list or a section in the notation of YAML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_plain, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_plain(inner)}" for key, inner in value.items()) + "}"
    return "" if value is None else str(value)


def parse_document(text: str) -> Document:
    """Read one YAML document. Raises ShotError, with the line, for anything but plain data."""
    for line, words in enumerate(text.splitlines(), 1):
        if _CUT_PATTERN.match(words):
            what = "`#` after a space begins a comment, so the pattern of this sequence is lost"
            raise ShotError(what, line=line, fix="put the path in quotes")
    lines: dict[Place, int] = {}
    try:
        node = yaml.compose(text, Loader=_Loader)
        return Document(None if node is None else _Builder(lines).build(node, ()), MappingProxyType(lines))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ShotError(
            f"this is not a text file: it contains the character {error.character!r}", line=line, fix="save it as UTF-8"
        ) from error
    except yaml.MarkedYAMLError as error:
        problem = error.problem or error.context or "not YAML"
        begun = any(words in problem for words in _FOUND_LATER)
        mark = (error.context_mark if begun else None) or error.problem_mark or error.context_mark
        fix = next((fix for words, fix in _YAML_FIXES.items() if words in problem), "correct this line")
        raise ShotError(f"not YAML: {problem}", line=mark.line + 1 if mark else None, fix=fix) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ShotError(f"not YAML: {error}", fix="correct the file") from error


def compose_text(data: Mapping[str, Any]) -> str:
    """Write plain data as YAML text; ``parse_document`` reads the same data back."""
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


def compose_flow(value: Any) -> str:
    """Write plain data as YAML on one line, which may be put into a list or a mapping in brackets."""
    text: str = yaml.dump(
        [value], Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=True, width=inf
    )
    return text.strip()[1:-1]


def parse_nodes(text: str) -> yaml.Node | None:
    """The YAML nodes of a text that ``parse_document`` reads, with their marks. An alias is a scalar of its own."""
    return yaml.compose(text, Loader=_AliasesAsScalars)


class _Dumper(yaml.SafeDumper):
    """Quotes text that ``parse_document`` would read as a number, and text with unprintable characters."""

    def represent_text(self, text: str) -> yaml.Node:
        node = yaml.ScalarNode("tag:yaml.org,2002:str", text)
        style = None if text.isprintable() and isinstance(scalar_value(node), str) else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    def ignore_aliases(self, data: Any) -> bool:
        """Write a value that occurs twice two times, not as an alias."""
        return True

    def represent_padded(self, number: PaddedNumber) -> yaml.Node:
        return self.represent_scalar("tag:yaml.org,2002:int", str(number))


_Dumper.add_representer(str, _Dumper.represent_text)
_Dumper.add_representer(PaddedNumber, _Dumper.represent_padded)


class _Loader(yaml.SafeLoader):
    """Stops at a file that is too deep or too long before it fills the memory."""

    _count = 0
    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._count += 1
        self._depth += 1
        if self._count > MOST_VALUES or self._depth > 2 * DEEPEST:
            what = "it is too deeply nested" if self._depth > 2 * DEEPEST else f"it has more than {MOST_VALUES} values"
            raise yaml.MarkedYAMLError(problem=what, problem_mark=self.get_mark())
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _AliasesAsScalars(_Loader):
    """Keeps an alias as it is written, so that it can be replaced without a change at its anchor."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if not self.check_event(yaml.AliasEvent):
            return super().compose_node(parent, index)
        event: Any = self.get_event()  # type: ignore[no-untyped-call]
        return yaml.ScalarNode("tag:yaml.org,2002:str", f"*{event.anchor}", event.start_mark, event.end_mark)


class _Builder:
    """Turns YAML nodes into data. Counts values again wherever an alias repeats them."""

    def __init__(self, lines: dict[Place, int]) -> None:
        self._lines = lines
        self._left = MOST_VALUES

    def build(self, node: yaml.Node, place: Place) -> Any:
        self._left -= 1
        line = node.start_mark.line + 1
        if self._left < 0 or len(place) > DEEPEST:
            raise ShotError("too deeply nested, or aliases multiply", line=line, fix="write the values without aliases")
        _check_tag(node)
        self._lines.setdefault(place, line)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*place, index)) for index, item in enumerate(node.value)]
        value = scalar_value(node)
        return PaddedNumber(node.value) if isinstance(value, int) and is_padded(node.value) else value

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str | int, Any]:
        result: dict[str | int, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            _check_tag(key_node)
            key = scalar_value(key_node)
            if isinstance(key, bool) or not isinstance(key, str | int):
                found = shown(key) if isinstance(key_node, yaml.ScalarNode) else "a list or a section"
                what = f"a key is {found}, and must be a word or a frame number"
                raise ShotError(what, line=line, fix="write a word, or a whole number")
            if key in result:
                first = self._lines[(*place, key)]
                raise ShotError(
                    f"the key `{key}` is here twice", line=line, fix=f"keep this one or the one on line {first}"
                )
            self._lines[(*place, key)] = line
            result[key] = self.build(value_node, (*place, key))
        return result


def _check_tag(node: yaml.Node) -> None:
    if node.tag not in _TAGS:
        tag = node.tag.replace("tag:yaml.org,2002:", "!!")[:60]
        line = node.start_mark.line + 1
        raise ShotError(f"the YAML tag {tag} is not allowed", line=line, fix="write the value without a tag")


def _joined(text: str) -> str | None:
    """The text with surrogate pairs as one character, as JSON escapes it; None for half of a pair."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return None


def scalar_value(node: yaml.Node) -> str | int | float | None:
    """The value of a scalar node by the core schema of YAML 1.2; None for a list or a mapping."""
    if not isinstance(node, yaml.ScalarNode):
        return None
    text = _joined(node.value)
    if text is None:
        raise ShotError("an invalid character (half of a pair)", line=node.start_mark.line + 1, fix="save it as UTF-8")
    if node.style is not None:
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    number = plain_number(text)
    return text if number is None else number
