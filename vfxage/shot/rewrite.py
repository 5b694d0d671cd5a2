"""Change values in the text of a shot file, and leave every other character as it was: comments, order, spaces.

PyYAML gives the place of every value in the text. Only the characters of changed values are replaced. The result is
read again and compared, so a text that cannot be changed in this way is refused and never damaged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import Any

import yaml

from vfxage.errors import ShotError
from vfxage.shot.document import compose_flow, parse_document, parse_nodes, scalar_value


def rewritten(text: str, data: Mapping[str, Any], *, as_json: bool = False) -> str:
    """The text of a YAML mapping, or of a JSON object, with the values of ``data``: plain data as read from YAML.

    Lists of mappings are aligned by the key ``name``. Raises ShotError if the text cannot be changed to hold ``data``.
    """
    wanted = _as_json_reads(data) if as_json else data
    old = parse_document(text.replace("\t", " ") if as_json else text).data
    root = parse_nodes(text.replace("\t", " ") if as_json else text)
    if root is None or not isinstance(old, dict):
        raise ShotError("the file holds no keys", fix="write keys of a shot file in it")
    changes = _Changes(text, as_json)
    changes.value(root, old, wanted)
    result = changes.applied()
    try:
        same = parse_document(result.replace("\t", " ") if as_json else result).data == wanted
    except ShotError:
        same = False
    if not same:
        raise ShotError("its text cannot be changed without changing more than the values", fix="edit it by hand")
    return result


def _as_json_reads(value: Any) -> Any:
    """The data with keys of text, as JSON has them."""
    if isinstance(value, Mapping):
        return {str(key): _as_json_reads(inner) for key, inner in value.items()}
    return [_as_json_reads(item) for item in value] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class _Change:
    """Characters ``start`` to ``end`` of the text become ``text``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class _Piece:
    """One pair of a mapping or one item of a list, with its characters in the text."""

    start: int
    end: int


class _Changes:
    """Collects what differs between a text and the wanted data."""

    def __init__(self, text: str, as_json: bool) -> None:
        self.text = text
        self.as_json = as_json
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self.changes: list[_Change] = []

    def applied(self) -> str:
        """The text with all changes. At one place, what was collected first comes first."""
        order = sorted(enumerate(self.changes), key=lambda item: (item[1].start, item[1].end, item[0]), reverse=True)
        text = self.text
        for _, change in order:
            text = text[: change.start] + change.text + text[change.end :]
        return text

    def value(self, node: yaml.Node, old: Any, new: Any) -> None:
        """Collect the changes that turn the value of a node into ``new``."""
        if old == new and isinstance(old, bool) == isinstance(new, bool):
            return
        if isinstance(node, yaml.MappingNode) and isinstance(new, Mapping) and old.keys() & new.keys():
            self._mapping(node, old, new)
        elif isinstance(node, yaml.SequenceNode) and isinstance(new, list) and _of_mappings(old) and _of_mappings(new):
            self._sequence(node, old, new)
        else:
            self._replace(node, new)

    def _replace(self, node: yaml.Node, new: Any) -> None:
        start, end, text = node.start_mark.index, self._end(node), self._flow(new)
        if start == end and start and not self.text[start - 1].isspace():
            text = f" {text}"
        colon = len(self.text[:start].rstrip())
        if _is_block(node) and "\n" in self.text[colon:start] and self.text[colon - 1] == ":":
            start, text = colon, f" {text}"
        self.changes.append(_Change(start, end, text))

    def _mapping(self, node: yaml.MappingNode, old: Mapping[Any, Any], new: Mapping[Any, Any]) -> None:
        nodes = {scalar_value(key): (key, value) for key, value in node.value}
        for key, (_, value) in nodes.items():
            if key in new:
                self.value(value, old[key], new[key])
        pieces = {key: _Piece(k.start_mark.index, max(self._end(k), self._end(v))) for key, (k, v) in nodes.items()}
        self._remove(node, list(pieces.values()), [key in new for key in pieces])
        kept = [key for key in nodes if key in new]
        for before, keys in groupby((key for key in new if key not in old), lambda key: _place_of(key, kept)):
            pairs = [f"{self._flow(key)}: {self._flow(new[key])}" for key in keys]
            self._insert(node, pairs, [pieces[key] for key in kept], before)

    def _sequence(self, node: yaml.SequenceNode, old: list[Any], new: list[Any]) -> None:
        pieces = [_Piece(self._dash(node, item), self._end(item)) for item in node.value]
        stays = [False] * len(old)
        added: list[tuple[int, list[Any]]] = []
        matcher = SequenceMatcher(None, [_label(item) for item in old], [_label(item) for item in new], autojunk=False)
        for _, i, i_end, j, j_end in matcher.get_opcodes():
            both = min(i_end - i, j_end - j)
            for k in range(both):
                self.value(node.value[i + k], old[i + k], new[j + k])
                stays[i + k] = True
            if j + both < j_end:
                added.append((i + both, new[j + both : j_end]))
        self._remove(node, pieces, stays)
        kept = [piece for piece, stay in zip(pieces, stays, strict=True) if stay]
        for before, items in added:
            block = _is_block(node)
            texts = [self._block_item(item, node) if block else self._flow(item) for item in items]
            self._insert(node, texts, kept, sum(stays[:before]))

    def _insert(self, node: yaml.Node, texts: Sequence[str], kept: Sequence[_Piece], place: int) -> None:
        """Put pairs or items before the kept piece at ``place``, or at the end."""
        if _is_block(node):
            indent = " " * node.start_mark.column
            if place:
                at = self._line_end(kept[place - 1].end)
                text = "".join(f"{self.newline}{indent}{one}" for one in texts)
            else:
                at, text = kept[0].start, "".join(f"{one}{self.newline}{indent}" for one in texts)
        elif place:
            at, text = kept[place - 1].end, "".join(f", {one}" for one in texts)
        else:
            at, text = kept[0].start, "".join(f"{one}, " for one in texts)
        self.changes.append(_Change(at, at, text))

    def _remove(self, node: yaml.Node, pieces: Sequence[_Piece], stays: Sequence[bool]) -> None:
        """Remove pieces that do not stay; in a block with their whole lines, else with a comma."""
        for first, last in _runs(stays):
            start, end = pieces[first].start, pieces[last].end
            if _is_block(node) and not self.text[self._line_start(start) : start].strip():
                start, end = self._line_start(start), self._line_end(end)
                end += len(self.newline) if end < len(self.text) else 0
            elif last + 1 < len(pieces):
                end = pieces[last + 1].start
            elif first:
                start = pieces[first - 1].end
            self.changes.append(_Change(start, end, ""))

    def _block_item(self, item: Mapping[Any, Any], node: yaml.Node) -> str:
        """A mapping as an item of a block: one key a line."""
        indent = self.newline + " " * (node.start_mark.column + 2)
        return "- " + indent.join(f"{self._flow(key)}: {self._flow(value)}" for key, value in item.items())

    def _flow(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=False) if self.as_json else compose_flow(value)

    def _end(self, node: yaml.Node) -> int:
        """Where the last character of a node ends; a block's own mark is after the comments that follow it."""
        if _is_block(node):
            last = node.value[-1]
            return max(map(self._end, last)) if isinstance(last, tuple) else self._end(last)
        start, end = node.start_mark.index, node.end_mark.index
        return start + len(self.text[start:end].rstrip())

    def _dash(self, node: yaml.SequenceNode, item: yaml.Node) -> int:
        """Where an item begins: at its dash in a block, else with its first character."""
        start = item.start_mark.index
        if not _is_block(node):
            return start
        at, column = self._line_start(start), node.start_mark.column
        while at and self.text[at : at + column + 1].lstrip() != "-":
            at = self._line_start(at - 1)
        return at + column

    def _line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def _line_end(self, at: int) -> int:
        found = self.text.find(self.newline, at)
        return len(self.text) if found < 0 else found


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and not node.flow_style


def _of_mappings(items: Any) -> bool:
    return isinstance(items, list) and bool(items) and all(isinstance(item, Mapping) for item in items)


def _label(item: Mapping[Any, Any]) -> str:
    """What makes an item of a list the same before and after: its name."""
    name = item.get("name")
    return name if isinstance(name, str) else ""


def _place_of(key: Any, kept: Sequence[Any]) -> int:
    """Before which kept key a new one comes: keyframes in the order of frames, all other keys at the end."""
    if not isinstance(key, int) and not (isinstance(key, str) and key.lstrip("-").isdecimal()):
        return len(kept)
    return sum(int(other) < int(key) for other in kept if str(other).lstrip("-").isdecimal())


def _runs(stays: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """First and last index of each run of pieces that do not stay."""
    for stay, run in groupby(range(len(stays)), lambda index: stays[index]):
        indices = list(run)
        if not stay:
            yield indices[0], indices[-1]
