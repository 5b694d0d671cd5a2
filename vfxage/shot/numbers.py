"""Numbers as a shot file, a table or an option writes them.

They have digits, a point and an exponent. Python also reads underscores, ``nan`` and ``inf``, and digits of other
scripts; those are no numbers here. A plus sign may mean a difference: ``target_age: +25`` would be 25 years old, and
not 25 years older. So text with a plus sign is no number either, and its readers ask what it means.
"""

from __future__ import annotations

import re

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_PADDED = re.compile(r"-?0[0-9]{1,17}")
_DECIMAL = re.compile(r"-?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")


def plain_number(text: str) -> int | float | None:
    """The number that a text is, whole numbers as int; None for other text."""
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else None


class PaddedNumber(int):
    """A whole number that is written with leading zeros, such as 01: where text is allowed too, it may be a name."""

    def __new__(cls, text: str) -> PaddedNumber:
        """Keep the number as it is written."""
        number = super().__new__(cls, text)
        number._text = text
        return number

    _text: str

    def __str__(self) -> str:
        return self._text


def is_padded(text: str) -> bool:
    """Whether the text is a whole number with leading zeros."""
    return _PADDED.fullmatch(text) is not None


def not_padded(value: object) -> object:
    """Validate a value that may be a number or a name. Raises ValueError for a number with leading zeros."""
    if isinstance(value, PaddedNumber):
        raise ValueError(
            f"is {value}, a number or a name; write {int(value)} for the number, or put the name in quotes"
        )
    return value


def has_plus_sign(value: object) -> bool:
    """Whether the value is text of a number with a plus sign, such as "+25"."""
    return isinstance(value, str) and value.startswith("+") and plain_number(value[1:]) is not None and value[1] != "-"


def is_quoted(value: object) -> bool:
    """Whether the value is text that would be a number, true or false without its quotes."""
    return isinstance(value, str) and (plain_number(value) is not None or value.lower() in ("true", "false"))


def number_fix(value: object) -> str | None:
    """What to do about text that stands where a number belongs, if it is nearly one; None for other values."""
    if has_plus_sign(value):
        return "write the value itself without a plus sign, not a difference"
    return "write it without quotes" if is_quoted(value) else None
