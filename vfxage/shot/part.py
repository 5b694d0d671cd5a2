"""The base of every section of a shot file or a training file, and its paths and names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo, WithJsonSchema

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


class Part(BaseModel):
    """One section of a YAML file: frozen, without unknown keys, and without conversion of types (strict)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


def _folder(info: ValidationInfo) -> Path:
    """The folder of the shot file: relative paths start there."""
    return info.context["path"].parent if info.context else Path.cwd()


def file_path(value: object, info: ValidationInfo) -> str:
    """Make a path of the shot file absolute; a URL such as ocio:// stays unchanged. Raises ValueError for no path."""
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError(
            "must be a path; write the name of a file" if isinstance(value, str) else "must be a path; put it in quotes"
        )
    return value if "://" in value else str(_folder(info) / value)


FilePath = Annotated[str, BeforeValidator(file_path)]
"""A path in the file, relative to the file's folder; absolute after loading."""


def _name(value: object) -> object:
    if isinstance(value, str) and not _NAME.fullmatch(value):
        fitting = re.sub(r"[^A-Za-z0-9_]", "_", value).lstrip("0123456789_")[:64] or "face"
        raise ValueError(f'is "{value}", which Nuke cannot use as a layer name; write it as "{fitting}"')
    if isinstance(value, str) and re.match("raw(_|$)", value):
        raise ValueError(
            f'is "{value}", but the layer delta_{value} belongs to the pass delta_raw; choose another name'
        )
    return value


FaceName = Annotated[str, BeforeValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$"})]
"""A name that Nuke accepts in a layer name."""
