"""SMPTE 12M timecode between text and OpenEXR's attribute."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import OpenEXR

_FORM = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.,])(\d\d)")


def to_text(value: Any) -> str | None:
    """ "HH:MM:SS:FF", with ; before the frames where numbers are dropped; None where it is no timecode."""
    if not isinstance(value, OpenEXR.TimeCode):
        return None
    mark = ";" if value.dropFrame else ":"
    return f"{value.hours:02}:{value.minutes:02}:{value.seconds:02}{mark}{value.frame:02}"


def counted(first: str, rate: Fraction, frames: int) -> Any:
    """OpenEXR's timecode ``frames`` after ``first``; None where that is none.

    Above 30 frames a second a timecode counts pairs of frames, as SMPTE 12M-1 has it, and the second of a pair has
    its field mark set: the attribute holds no frame number past 29.
    """
    found = _FORM.fullmatch(first)
    if found is None:
        return None
    hours, minutes, seconds, ticks = (int(found[group]) for group in (1, 2, 3, 5))
    nominal = max(1, round(rate))
    drop = nominal // 15 if found[4] != ":" and nominal % 30 == 0 else 0
    total = hours * 60 + minutes
    count = (total * 60 + seconds) * nominal + ticks - drop * (total - total // 10)
    hours, minutes, seconds, ticks = _split(count + frames, nominal, drop)
    pairs = -(-nominal // 30)
    flags = bool(drop), False, pairs > 1 and ticks % pairs > 0
    return OpenEXR.TimeCode(hours, minutes, seconds, ticks // pairs, *flags, *[False] * 3, *[0] * 8)


def _split(count: int, nominal: int, drop: int) -> tuple[int, int, int, int]:
    """Hours, minutes, seconds and frames of a frame count, wrapping at 24 hours."""
    ten_minutes = 600 * nominal - 9 * drop
    tens, rest = divmod(count % (144 * ten_minutes), ten_minutes)
    # The first minute of ten keeps all its numbers, each other one leaves out its first ``drop``.
    past = max(0, rest - drop) // (60 * nominal - drop)
    shown = tens * 600 * nominal + rest + drop * past
    seconds, ticks = divmod(shown, nominal)
    return seconds // 3600, seconds // 60 % 60, seconds % 60, ticks
