"""SMPTE 12M timecode between text and OpenEXR's attribute."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import OpenEXR

from vfxage.timecode import shift_timecode


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
    text = shift_timecode(first, frames, rate)
    if text is None:
        return None
    hours, minutes, seconds, ticks = map(int, re.split("[:;]", text))
    pairs = -(-max(1, round(rate)) // 30)
    flags = ";" in text, False, pairs > 1 and ticks % pairs > 0
    return OpenEXR.TimeCode(hours, minutes, seconds, ticks // pairs, *flags, *[False] * 3, *[0] * 8)
