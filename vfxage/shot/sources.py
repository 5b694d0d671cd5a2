"""Which key of a shot file or a training file names a path, for errors about that path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vfxage.errors import Source
from vfxage.shot.kinds import is_path
from vfxage.shot.part import Part


def sources(section: Part, place: str = "") -> Iterator[Source]:
    """Every path in a section and in the sections inside it, with its key as ``--set`` writes it."""
    for key, info in type(section).model_fields.items():
        yield from _inside(getattr(section, key), f"{place}{key}", marked=is_path(info))


def _inside(value: Any, key: str, *, marked: bool) -> Iterator[Source]:
    """The paths in the value of a key; ``marked`` says that its texts are paths."""
    if isinstance(value, Part):
        yield from sources(value, f"{key}.")
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _inside(item, key if marked else f"{key}.{index}", marked=marked)
    elif isinstance(value, Path) or (marked and isinstance(value, str)):
        yield Source(f"`{key}`", str(value))
