"""Limits that the keys of a training file share: shares, weights, rising pairs, and paths."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from vfxage.shot.paths import file_path

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0, le=1000)]


def located(value: object, info: ValidationInfo) -> Any:
    """Read a path; ``~`` and variables in it are replaced, and it is relative to the folder of the file."""
    return value if isinstance(value, Path) or value is None else Path(file_path(value, info))


Located = Annotated[Path, BeforeValidator(located)]
"""A path in the file is relative to the file's folder."""


def _rising(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError(f"is [{value[0]:g}, {value[1]:g}]; write the smaller number first")
    return value


def within(low: float, high: float) -> Callable[[tuple[float, float]], tuple[float, float]]:
    """Make a check that both numbers of a pair are between ``low`` and ``high``."""

    def check(value: tuple[float, float]) -> tuple[float, float]:
        if not all(low <= end <= high for end in value):
            raise ValueError(f"is [{value[0]:g}, {value[1]:g}]; write numbers of {low:g} to {high:g}")
        return value

    return check


Span = Annotated[tuple[float, float], AfterValidator(_rising)]
