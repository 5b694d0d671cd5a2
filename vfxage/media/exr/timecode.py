"""SMPTE 12M timecode between text and OpenEXR's attribute."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import OpenEXR

from vfxage.media.timecode import shift_timecode


def to_text(value: Any, rate: Fraction | None) -> str | None:
    """ "HH:MM:SS:FF", with ; before the frames where numbers are dropped; None where it is no timecode.

    FF counts frames: above 30 a second twice the attribute's number, and one more where the field mark is set.
    """
    if not isinstance(value, OpenEXR.TimeCode):
        return None
    mark = ";" if value.dropFrame else ":"
    together = _together(rate)
    ticks = value.frame * together + (1 if together > 1 and value.fieldPhase else 0)
    return f"{value.hours:02}:{value.minutes:02}:{value.seconds:02}{mark}{ticks:02}"


def counted(first: str, rate: Fraction, frames: int) -> Any:
    """The OpenEXR timecode ``frames`` after ``first``; None if ``first`` is not a timecode.

    Above 30 frames a second a timecode counts pairs of frames, as SMPTE 12M-1 has it, and the second of a pair has
    its field mark set: the attribute holds no frame number past 29.
    """
    text = shift_timecode(first, frames, rate)
    if text is None:
        return None
    hours, minutes, seconds, ticks = map(int, re.split("[:;]", text))
    together = _together(rate)
    flags = ";" in text, False, ticks % together > 0
    return OpenEXR.TimeCode(hours, minutes, seconds, ticks // together, *flags, *[False] * 3, *[0] * 8)


def _together(rate: Fraction | None) -> int:
    """How many frames share one number."""
    return 1 if rate is None else -(-max(1, round(rate)) // 30)
