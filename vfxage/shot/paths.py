"""Paths in a shot file or a training file: variables, the home folder, and the folder where relative paths start."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo, WithJsonSchema

_VARIABLE = re.compile(r"\$\$|\$\{([^{}]*)\}|\$([A-Za-z_][A-Za-z0-9_]*)")
_FRAME_NUMBER = re.compile(r"F([0-9].*)?")
"""``$F4`` is a frame number, as in Houdini and Nuke, and no variable."""
PLACEHOLDERS = ("name", "clip", "reel", "source", "event")
"""Words in braces that ``vfxage shots`` replaces in a template. No path that a shot writes has one."""
_PLACEHOLDER = re.compile(rf"(?<!\$)\{{(?:{'|'.join(PLACEHOLDERS)})\}}")


def expanded(text: str) -> str:
    """The path with ``~``, ``$NAME`` and ``${NAME}`` replaced; ``$$`` is a dollar sign.

    Raises ValueError for a variable that is not set or whose bytes are not UTF-8, and for the home of an unknown user.
    """
    path = os.path.expanduser(_VARIABLE.sub(_value, text))
    if path.startswith("~"):
        home = path.partition("/")[0]
        raise ValueError(f"names the home folder of {home}, who is no user of this machine; write the whole path")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise ValueError("becomes a path that is not UTF-8; rename the folder in the variable") from None
    return path


def _value(match: re.Match[str]) -> str:
    if match[0] == "$$":
        return "$"
    braced, plain = match[1], match[2]
    if _is_frame_number(match):
        return match[0]
    name = plain if braced is None else braced
    value = os.environ.get(name) if name else None
    if value is None:
        raise ValueError(f"names the variable {match[0]}, which is not set; set it, or write the path without it")
    return value


def escaped(path: str) -> str:
    """The path as a shot file must write it: ``expanded`` gives it back."""
    return _VARIABLE.sub(lambda match: match[0] if _is_frame_number(match) else match[0].replace("$", "$$"), path)


def _is_frame_number(match: re.Match[str]) -> bool:
    return match[2] is not None and _FRAME_NUMBER.fullmatch(match[2]) is not None


def full_path(text: str, folder: Path) -> str:
    """The expanded path, absolute; a relative path starts at ``folder``. A URL such as ocio:// stays unchanged.

    Raises ValueError for a variable that is not set.
    """
    return text if "://" in text else str(folder / expanded(text))


def file_path(value: object, info: ValidationInfo) -> str:
    """Validate a path of a file and make it absolute; see ``full_path``. Raises ValueError for no path."""
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        raise ValueError(f"must be a path; {'put it in quotes' if number else 'write the name of one file or folder'}")
    if found := re.search(r"[\x01-\x1f\x7f]", value):
        raise ValueError(f"has the character {found[0]!r}; in double quotes, write two backslashes for one, or use /")
    return full_path(value, folder_of(info))


def written_path(value: object, info: ValidationInfo) -> str:
    """Validate a path that vfxage writes, like ``file_path``. Raises ValueError for a placeholder of a template too.

    A file that is read may have braces in its name.
    """
    if found := _PLACEHOLDER.search(value) if isinstance(value, str) else None:
        where = "which only a template of `vfxage shots` may have"
        raise ValueError(f"has the placeholder {found[0]}, {where}; write the name itself in its place")
    return file_path(value, info)


class IsPath:
    """Marks a value of the file that is a path, beside its validator."""


def folder_of(info: ValidationInfo) -> Path:
    """The folder of the file that is checked."""
    context: dict[str, Any] = info.context or {}
    return context["path"].parent if "path" in context else Path.cwd()


AS_WRITTEN = PlainSerializer(escaped, return_type=str, when_used="json")
"""Writes a path into JSON so that it reads back as the same path."""
_IN_SCHEMA = WithJsonSchema({"type": "string", "format": "path"})
FilePath = Annotated[str, BeforeValidator(file_path), IsPath(), AS_WRITTEN, _IN_SCHEMA]
"""A path in the file, relative to the file's folder; absolute after loading."""
WrittenPath = Annotated[str, BeforeValidator(written_path), IsPath(), AS_WRITTEN, _IN_SCHEMA]
"""The path of a file that vfxage writes; see ``FilePath``."""
