"""What the annotations of a section say about its keys."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

from pydantic.fields import FieldInfo

from vfxage.shot.paths import IsPath


def kinds(annotation: Any) -> Iterator[Any]:
    """An annotation, and every annotation and type inside it."""
    yield annotation
    yield from getattr(annotation, "__metadata__", ())
    for part in typing.get_args(annotation):
        yield from kinds(part)


def is_path(info: FieldInfo) -> bool:
    """Whether the value of the key is a path, or holds paths."""
    return any(isinstance(rule, IsPath) for rule in (*info.metadata, *kinds(info.annotation)))
