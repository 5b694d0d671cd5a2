"""Shot file text to plain data that remembers its lines: YAML's safe subset, numbers as YAML 1.2 reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import yaml

from vfxage.errors import ShotError

Place: TypeAlias = tuple[str | int, ...]
"""Where a value stands: keys and indices from the top, ("faces", 0, "target_age")."""

LARGEST_FILE = 1 << 20
MOST_VALUES = 20_000
"""Values after aliases are followed: a YAML bomb must not go off."""
DEEPEST = 16

_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_KNOWN = ("str", "int", "float", "bool", "null", "timestamp", "value", "merge", "map", "seq")
_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in _KNOWN)


@dataclass(frozen=True, slots=True)
class Document:
    """The data of a shot file, and on which line each of its values stands."""

    data: Any
    """dict, list, str, int, float, bool and None."""
    lines: Mapping[Place, int]
    """1-based; a key's line for a value in a mapping."""


def parse_document(text: str) -> Document:
    """Read one YAML document; raises ShotError with the line (1-based) for anything but plain data."""
    lines: dict[Place, int] = {}
    try:
        node = yaml.compose(text, Loader=_Loader)
        return Document(None if node is None else _Builder(lines).build(node, ()), MappingProxyType(lines))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ShotError(
            f"not a text file (character {error.character!r})", line=line, fix="save it as UTF-8"
        ) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "not YAML"
        raise ShotError(
            f"not YAML: {problem}", line=mark.line + 1 if mark else None, fix="correct this line"
        ) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ShotError(f"not YAML: {error}", fix="correct the file") from error


def compose_text(data: Mapping[str, Any]) -> str:
    """Plain data as YAML text that ``parse_document`` reads as the same data."""
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


class _Dumper(yaml.SafeDumper):
    """Quotes what YAML 1.1 takes for a word and 1.2 for a number, and what folds; repeats what is there twice."""

    def represent_text(self, text: str) -> yaml.Node:
        node = yaml.ScalarNode("tag:yaml.org,2002:str", text)
        style = None if text.isprintable() and isinstance(_scalar(node), str) else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(str, _Dumper.represent_text)


class _Loader(yaml.SafeLoader):
    """Stops composing what is too deep or too long, before the memory is taken."""

    _count = 0
    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._count += 1
        self._depth += 1
        if self._count > MOST_VALUES or self._depth > 2 * DEEPEST:
            what = "too deeply nested" if self._depth > 2 * DEEPEST else f"more than {MOST_VALUES} values"
            raise yaml.MarkedYAMLError(problem=what, problem_mark=self.get_mark())
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _Builder:
    """Turns composed nodes into data, counting what aliases multiply."""

    def __init__(self, lines: dict[Place, int]) -> None:
        self._lines = lines
        self._left = MOST_VALUES

    def build(self, node: yaml.Node, place: Place) -> Any:
        self._left -= 1
        line = node.start_mark.line + 1
        if self._left < 0 or len(place) > DEEPEST:
            raise ShotError("aliases that multiply, or nesting without end", line=line, fix="write it out plainly")
        _check_tag(node)
        self._lines.setdefault(place, line)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*place, index)) for index, item in enumerate(node.value)]
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str | int, Any]:
        result: dict[str | int, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            _check_tag(key_node)
            key = _scalar(key_node)
            if isinstance(key, bool) or not isinstance(key, str | int):
                raise ShotError("a key must be a word or a frame number", line=line, fix="correct this line")
            if key in result:
                first = self._lines[(*place, key)]
                raise ShotError(f"the key `{key}` is here twice", line=line, fix=f"keep this or that of line {first}")
            self._lines[(*place, key)] = line
            result[key] = self.build(value_node, (*place, key))
        return result


def _check_tag(node: yaml.Node) -> None:
    if node.tag not in _TAGS:
        tag = node.tag.replace("tag:yaml.org,2002:", "!!")[:60]
        line = node.start_mark.line + 1
        raise ShotError(f"the YAML tag {tag} is not allowed", line=line, fix="write plain values")


def _scalar(node: yaml.Node) -> str | int | float | None:
    """A scalar as YAML 1.2's core schema reads it: 0101 is 101, yes is a word, 1e3 a number; None for what is none."""
    if not isinstance(node, yaml.ScalarNode):
        return None
    text: str = node.value
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ShotError("half a character (a surrogate)", line=node.start_mark.line + 1, fix="write it as UTF-8")
    if node.style is not None:
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
