"""The base of every section of a shot file or a training file, and names of faces."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


class Part(BaseModel):
    """One section of a YAML file: frozen, without unknown keys, and without conversion of types (strict)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


def _name(value: object) -> object:
    if isinstance(value, str) and not _NAME.fullmatch(value):
        fitting = re.sub(r"[^A-Za-z0-9_]", "_", value).lstrip("0123456789_")[:64] or "face"
        raise ValueError(f'is "{value}", which Nuke cannot use as a layer name; write it as "{fitting}"')
    for word, layer in (("raw", "delta"), ("hair", "matte")):
        if isinstance(value, str) and re.match(f"{word}(_|$)", value):
            taken = f"the layer {layer}_{value} belongs to the pass {layer}_{word}"
            raise ValueError(f'is "{value}", but {taken}; choose another name')
    return value


FaceName = Annotated[str, BeforeValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$"})]
"""A name that Nuke accepts in a layer name."""
