"""A value that may change over the shot: a number, or keyframes."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema, model_serializer

from vfxage.frames import LARGEST_NUMBER


class Keyed(BaseModel):
    """A constant, or keyframes: linear between them, held before the first and after the last."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    keys: tuple[tuple[int, float], ...]
    """(frame, value), frames strictly ascending, at least one; a constant has one."""

    @classmethod
    def of(cls, value: Any, low: float = -math.inf, high: float = math.inf) -> Self:
        """Take a number or a mapping of frame to number; raises ValueError saying what is wrong."""
        if isinstance(value, cls):
            return value
        pairs = list(value.items()) if isinstance(value, Mapping) else [(0, value)]
        if not pairs:
            raise ValueError("has no keyframes; write a number, or keyframes such as {1001: 40, 1048: 70}")
        for frame, number in pairs:
            if type(frame) is not int or abs(frame) > LARGEST_NUMBER:
                raise ValueError(f"has the keyframe {frame!r}, which is not a frame number")
            at = f" at frame {frame}" if isinstance(value, Mapping) else ""
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise ValueError(f"is {_shown(number)}{at}, not a number")
            if not low <= number <= high:
                raise ValueError(f"is {number:g}{at}; it must be {low:g} to {high:g}")
        if len(pairs) == 1:
            return cls(keys=((0, float(pairs[0][1])),))
        return cls(keys=tuple(sorted((frame, float(number)) for frame, number in pairs)))

    @model_serializer
    def written(self) -> float | dict[int, float]:
        """As a shot file writes it."""
        return self.keys[0][1] if len(self.keys) == 1 else dict(self.keys)

    def apart(self, first: int, last: int) -> tuple[int, int] | None:
        """The first and last of keyframes that all lie before or all after these frames; None for any other value."""
        ends = self.keys[0][0], self.keys[-1][0]
        return ends if len(self.keys) > 1 and (ends[1] < first or ends[0] > last) else None

    def at(self, frame: float) -> float:
        """The value at a frame."""
        after = bisect_right(self.keys, frame, key=lambda key: key[0])
        if after in (0, len(self.keys)):
            return self.keys[min(after, len(self.keys) - 1)][1]
        (first, start), (last, end) = self.keys[after - 1], self.keys[after]
        share = (frame - first) / (last - first)
        return start * (1 - share) + end * share


def _shown(value: object) -> str:
    if isinstance(value, tuple):  # as the file wrote it, not as Python holds it
        value = list(value)
    text = "empty" if value is None else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _limited(low: float, high: float, what: str) -> tuple[Any, ...]:
    number = {"type": "number", "minimum": low, "maximum": high}
    frames = {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": "^-?[0-9]+$"},
        "additionalProperties": number,
    }
    description = f"{what}: a number from {low:g} to {high:g}, or keyframes such as {{1001: {low:g}, 1048: {high:g}}}."
    return (
        BeforeValidator(lambda value: Keyed.of(value, low, high)),
        WithJsonSchema({"anyOf": [number, frames], "description": description}),
    )


Age = Annotated[Keyed, *_limited(0, 120, "Years")]
Intensity = Annotated[
    Keyed, *_limited(0, 4, "Multiplies the change; 0 leaves the plate alone, 1 is the model's answer")
]
