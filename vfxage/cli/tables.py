"""Plain data as tables or JSON on stdout."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from vfxage.cli.console import Console


def print_data(console: Console, data: Mapping[str, Any], *, as_json: bool) -> None:
    """Print ``data`` to stdout, as JSON or as one table for each of its entries."""
    console.result(json.dumps(data, indent=1, default=str) if as_json else "\n".join(_tables(data)))


def _tables(data: Mapping[str, Any]) -> list[str]:
    """The lines of all tables. A dictionary gives a row for each key, a list of dictionaries a row for each of them."""
    lines: list[str] = []
    for title, value in data.items():
        if isinstance(value, dict):
            pairs = ((_words(key), entry) for key, entry in value.items())
            rows = [[key, line] for key, entry in pairs for line in (entry if key == "notes" else [entry])]
        else:
            keys = list(dict.fromkeys(key for row in value for key in row))  # a row may lack some of them
            rows = [[_words(key) for key in keys], *([row.get(key) for key in keys] for row in value)]
            rows = rows if value else [["none"]]
        lines += [_words(title), *_aligned(rows)]
    return lines


def _aligned(rows: Sequence[Sequence[Any]]) -> list[str]:
    """Lines of left-aligned columns. They are never wrapped, so that a path stays in one piece."""
    cells = [[_text(entry) for entry in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return [f"  {line.rstrip()}" for line in lines]


def _words(key: str) -> str:
    """A key of the data as a heading."""
    return key.replace("_", " ")


def _text(value: object) -> str:
    """A cell: dictionaries as ``key: value; ...``, lists with commas."""
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_text(entry)}" for key, entry in value.items())
    if value is None:
        return "-"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
