"""SMPTE ST 12 timecode: frames to and from HH:MM:SS:FF, drop frame (;) included."""

from __future__ import annotations

import re
from fractions import Fraction

_FORM = re.compile(r"(\d{2}):(\d{2}):(\d{2})([:;.,])(\d{2,3})")


def shift_timecode(timecode: str, frames: int, rate: Fraction) -> str | None:
    """Return the timecode ``frames`` later (or earlier), wrapping at 24 hours; None if the text is not a timecode.

    A ``;``, ``.`` or ``,`` before the frames means drop frame if the rate is a multiple of 30000/1001 (or 29.97,
    59.94): every minute except each tenth skips two numbers (four at 59.94). At any other rate, including exactly 30,
    drop frame is not possible and no number is skipped.
    """
    total = count_timecode(timecode, rate)
    if total is None:
        return None
    nominal, drop = max(1, round(rate)), _dropped(timecode, rate)
    return _format((total + frames) % day_frames(rate, drop=drop > 0), nominal, drop)


def count_timecode(timecode: str, rate: Fraction) -> int | None:
    """Frames from 00:00:00:00 to the timecode, drop frame as in ``shift_timecode``; None if it is not a timecode."""
    match = _FORM.fullmatch(timecode)
    if match is None:
        return None
    hours, minutes, seconds, ticks = (int(match[group]) for group in (1, 2, 3, 5))
    total_minutes = hours * 60 + minutes
    dropped = _dropped(timecode, rate) * (total_minutes - total_minutes // 10)
    return (total_minutes * 60 + seconds) * max(1, round(rate)) + ticks - dropped


def drops_frames(timecode: str, rate: Fraction) -> bool:
    """Whether this is a drop frame timecode at a rate that allows drop frame."""
    return _dropped(timecode, rate) > 0


def day_frames(rate: Fraction, *, drop: bool) -> int:
    """Frames after which a timecode is 00:00:00:00 again."""
    nominal = max(1, round(rate))
    return 24 * 60 * 60 * nominal - (nominal // 15 if drop else 0) * (24 * 60 - 24 * 6)


def _dropped(timecode: str, rate: Fraction) -> int:
    """Count of numbers skipped at the start of a minute."""
    match = _FORM.fullmatch(timecode)
    nominal = max(1, round(rate))
    fits = nominal % 30 == 0 and abs(rate * 1001 / 1000 - nominal) < Fraction(1, 100)
    return nominal // 15 if match is not None and match[4] != ":" and fits else 0


def _format(frames: int, nominal: int, drop: int) -> str:
    if drop:
        per_minute = 60 * nominal - drop
        per_ten = 10 * 60 * nominal - 9 * drop
        tens, rest = divmod(frames, per_ten)
        minutes = max(0, (rest - drop) // per_minute)  # the first minute of ten skips no number
        frames += drop * (9 * tens + minutes)
    seconds, ticks = divmod(frames, nominal)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{';' if drop else ':'}{ticks:02d}"
