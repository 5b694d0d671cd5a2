"""What every part of a shot file is: strict, frozen, its paths relative to the file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo, WithJsonSchema

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


class Part(BaseModel):
    """Strict: no key that is not named here, no value of another kind than is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


def _folder(info: ValidationInfo) -> Path:
    """Where relative paths start: the shot file's folder."""
    return info.context["path"].parent if info.context else Path.cwd()


def file_path(value: object, info: ValidationInfo) -> str:
    """A path of the shot file, made absolute; what has a scheme (ocio://) stays as it is."""
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError("must be a path" if isinstance(value, str) else "must be a path; put it in quotes")
    return value if "://" in value else str(_folder(info) / value)


FilePath = Annotated[str, BeforeValidator(file_path)]


def _name(value: object) -> object:
    if isinstance(value, str) and not _NAME.fullmatch(value):
        fitting = re.sub(r"[^A-Za-z0-9_]", "_", value).lstrip("0123456789_")[:64] or "face"
        raise ValueError(f'is "{value}", which Nuke cannot use as a layer name; write it as "{fitting}"')
    if isinstance(value, str) and re.match("raw(_|$)", value):
        raise ValueError(f'is "{value}": its layer delta_{value} would be one of the pass delta_raw; call it otherwise')
    return value


FaceName = Annotated[str, BeforeValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$"})]
