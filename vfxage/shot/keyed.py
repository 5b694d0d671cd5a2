"""A value that can change over the shot: a number, or keyframes."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema, model_serializer

from vfxage.frames import LARGEST_NUMBER
from vfxage.shot.document import shown
from vfxage.shot.numbers import has_plus_sign, number_fix, plain_number


class Keyed(BaseModel):
    """A constant, or keyframes: linear between them, constant before the first and after the last."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    keys: tuple[tuple[int, float], ...]
    """(frame, value) pairs in ascending order of frames. A constant has one pair."""

    @classmethod
    def of(cls, value: Any, low: float = -math.inf, high: float = math.inf) -> Self:
        """Make a value from a number or a mapping of frame to number; ``low`` and ``high`` limit the numbers.

        Raises ValueError, in words for the user, for anything else.
        """
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            _check_number(value, "", low, high, f", or keyframes such as {{1001: {low:g}, 1048: {high:g}}}")
            return cls(keys=((0, float(value)),))
        if not value:
            raise ValueError("has no keyframes; write a number, or keyframes such as {1001: 40, 1048: 70}")
        keys: dict[int, float] = {}
        for key, number in value.items():
            frame = _frame(key)
            if frame in keys:
                raise ValueError(f"has two keyframes at frame {frame}; keep one of them")
            _check_number(number, f" at frame {frame}", low, high)
            keys[frame] = float(number)
        if len(keys) == 1:
            return cls(keys=((0, next(iter(keys.values()))),))
        return cls(keys=tuple(sorted(keys.items())))

    @model_serializer
    def as_written(self) -> float | dict[int, float]:
        """The value as a shot file writes it."""
        return self.keys[0][1] if len(self.keys) == 1 else dict(self.keys)

    def keys_outside(self, first: int, last: int) -> tuple[int, int] | None:
        """The first and last keyframe if all of them are before ``first`` or all after ``last``, else None."""
        ends = self.keys[0][0], self.keys[-1][0]
        return ends if len(self.keys) > 1 and (ends[1] < first or ends[0] > last) else None

    def at(self, frame: float) -> float:
        """The value at a frame, interpolated between keyframes."""
        after = bisect_right(self.keys, frame, key=lambda key: key[0])
        if after in (0, len(self.keys)):
            return self.keys[min(after, len(self.keys) - 1)][1]
        (first, start), (last, end) = self.keys[after - 1], self.keys[after]
        share = (frame - first) / (last - first)
        return start * (1 - share) + end * share


def _frame(key: object) -> int:
    """The frame number of a keyframe's key, which JSON writes as text. Raises ValueError for anything else."""
    if isinstance(key, str) and re.match("-?[0-9]+:", key):
        raise ValueError(f"has no value for {key!r}; put a space after the colon, {{1001: 40}}")
    number = int(key) if isinstance(key, str) and re.fullmatch("-?[0-9]{1,18}", key) else key
    if type(number) is not int or abs(number) > LARGEST_NUMBER:
        raise ValueError(f"has the keyframe {key!r}, which is not a frame number; write {{1001: 40, 1048: 70}}")
    return number


def _check_number(number: Any, at: str, low: float, high: float, other: str = "") -> None:
    """Raise ValueError if ``number`` is not a number within the limits.

    ``at`` names its keyframe, and ``other`` says what else can be in its place.
    """
    if number is None and at:
        raise ValueError(f"has no value{at}; write {{1001: 40, 1048: 70}}, and decimals with a point")
    if isinstance(number, bool) or not isinstance(number, int | float):
        fix = number_fix(number) or f"write a number from {low:g} to {high:g}{other}"
        raise ValueError(f"is {shown(number)}{at}, not a number; {fix}")
    if not low <= number <= high:
        raise ValueError(f"is {number:g}{at}; make it {low:g} to {high:g}")


def number_or_auto(low: float, high: float) -> tuple[Any, ...]:
    """Annotations of a key that is a number within limits or the word "auto".

    Where a number may be negative, a plus sign is its opposite and no difference, so it is allowed.
    """

    def check(value: object) -> object:
        if isinstance(value, str) and low < 0 and has_plus_sign(value):
            value = plain_number(value[1:])
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value == "auto" or (number and low <= value <= high):  # type: ignore[operator]
            return value
        raise ValueError(f"is {shown(value)}; write a number from {low:g} to {high:g}, or auto")

    number = {"type": "number", "minimum": low, "maximum": high}
    return BeforeValidator(check), WithJsonSchema({"anyOf": [number, {"const": "auto", "type": "string"}]})


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
Amount = Annotated[Keyed, *_limited(0, 2, "Amount of this part of the change")]
Intensity = Annotated[
    Keyed, *_limited(0, 4, "Multiplies the change: 0 keeps the plate, 1 is the full change of the model")
]
