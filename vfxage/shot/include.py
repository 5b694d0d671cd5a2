"""``include: show.yaml`` in a shot file: the defaults of a show, in a file of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vfxage.errors import ShotError, Source, naming_sources
from vfxage.shot.document import Document, Place
from vfxage.shot.kinds import is_path, kinds
from vfxage.shot.models import BUILTIN_CONFIG, MODELS, Shot
from vfxage.shot.part import Part
from vfxage.shot.paths import full_path
from vfxage.shot.strict import YamlKind, read_document

KEY = "include"
_INCLUDED = YamlKind(
    name="file to include",
    if_empty="write keys of a shot file in it, or remove `include:`",
    if_binary="name a YAML file with keys of a shot file",
)


def with_included(path: Path, document: Document) -> Document:
    """The document of the shot file ``path`` with the keys of the file that it includes; the shot's own keys win.

    Sections (mappings) are merged key by key. Lists and keyframes are replaced as a whole. Relative paths in the
    included file start at that file's folder. Raises ShotError with file and line.
    """
    data = dict(document.data)
    if KEY not in data:
        return document
    shown = _path_of(path, document, data.pop(KEY))
    if os.path.realpath(shown) == os.path.realpath(path):
        fix = "name the file with the defaults of the show, or leave it out"
        raise ShotError(f"`{KEY}` names this file itself", path=path, line=document.lines[(KEY,)], fix=fix)
    with naming_sources([Source(f"`{KEY}`", str(shown))]):
        included = read_document(shown, _INCLUDED)
    if KEY in included.data:
        what = f"this file is included by {path.name}, so it cannot include another file"
        raise ShotError(what, path=shown, line=included.lines[(KEY,)], fix="write those keys into this file")
    with_paths = _absolute(included.data, (), shown.parent)
    merged = _merged(with_paths, data)
    mine = {place for place in document.lines if place[:1] != (KEY,)}
    theirs = {place: line for place, line in included.lines.items() if place and not _replaced(place, document.data)}
    lines = {**theirs, **{place: document.lines[place] for place in mine}}
    files = {place: shown for place in theirs if place not in mine}
    return Document(merged, MappingProxyType(lines), MappingProxyType(files))


def _path_of(path: Path, document: Document, value: Any) -> Path:
    """The included file. Raises ShotError with the line of ``include:`` if there is none."""
    line = document.lines[(KEY,)]
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        fix = "write, for example, include: ../show.yaml"
        raise ShotError(f"`{KEY}` must be the path of one file", path=path, line=line, fix=fix)
    try:
        shown = Path(full_path(value, path.parent))
    except ValueError as error:
        what, _, fix = str(error).partition("; ")
        raise ShotError(f"`{KEY}` {what}", path=path, line=line, fix=fix) from error
    if not shown.exists():
        raise ShotError(f"`{KEY}` names {shown}, which does not exist", path=path, line=line, fix="correct the path")
    return shown


def _merged(defaults: Any, own: Any) -> Any:
    """``own`` over ``defaults``: sections key by key, all other values as a whole."""
    if not (_is_section(defaults) and _is_section(own)):
        return defaults if own is None else own
    return {
        **defaults,
        **{key: _merged(defaults[key], value) if key in defaults else value for key, value in own.items()},
    }


def _is_section(value: Any) -> bool:
    """Whether the value is a mapping of words; keyframes are a mapping of numbers."""
    return isinstance(value, dict) and not any(str(key).lstrip("-").isdecimal() for key in value)


def _replaced(place: Place, own: Any) -> bool:
    """Whether the shot's own data replaces the section or the list around an included value as a whole."""
    for key in place:
        if not _is_section(own):
            return own is not None
        if key not in own:
            return False
        own = own[key]
    return own is not None and not _is_section(own)


def _absolute(value: Any, place: Place, folder: Path) -> Any:
    """The included data with absolute paths, so that the merged file can be anywhere."""
    if isinstance(value, dict):
        return {key: _absolute(inner, (*place, key), folder) for key, inner in value.items()}
    if isinstance(value, list):
        return [_absolute(inner, (*place, index), folder) for index, inner in enumerate(value)]
    names = tuple(part for part in place if isinstance(part, str) and not part.isdecimal())  # no frames and ages
    is_path = isinstance(value, str) and value.strip() and names in _PATHS and value not in MODELS
    is_path = is_path and not BUILTIN_CONFIG.fullmatch(value)
    if not is_path or (names == ("model",) and not Path(value).suffix and "/" not in value):
        return value
    try:
        return full_path(value, folder)
    except ValueError:
        return value  # the check of the merged file says which variable is not set, and where


def _paths(model: type[Part]) -> Iterator[tuple[str, ...]]:
    """The keys that lead to each path in a shot file."""
    for name, info in model.model_fields.items():
        inner = [kind for kind in kinds(info.annotation) if isinstance(kind, type) and issubclass(kind, Part)]
        if is_path(info):
            yield (name,)
        for kind in inner:
            yield from ((name, *rest) for rest in _paths(kind))


_PATHS: frozenset[tuple[str, ...]] = frozenset(_paths(Shot))
