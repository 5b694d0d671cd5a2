"""What a cut says, whatever kind of file it is: which source frames are seen, one event a clip."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

LARGEST_FILE = 1 << 25
"""Bytes of a cut file: a feature's is a few MB."""

MOST_EVENTS = 10_000
"""Clips in a cut."""

MOST_LENGTH = 10_000_000
"""Source frames of one event: more is a slip or a lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """The file that a cut names for a clip."""

    path: str
    """As a shot's ``plate:`` has it: a movie, a pattern or a single image; relative paths are absolute here."""
    start: int | None = None
    """Frames from timecode 00:00:00:00 to the media's first; None where the cut does not say."""
    length: int | None = None
    """Frames of the media; None where the cut does not say."""
    first: int | None = None
    """Number of a sequence's first image; None where the cut does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One clip of the cut and the source frames that are seen of it."""

    number: int
    """Of the EDL's event, else the count of clips in the cut, from 1."""
    track: str
    name: str
    """The clip's."""
    reel: str
    source: str
    """The source file's name without suffix and frame number; the reel or the clip's name where no file is named."""
    rate: Fraction
    """Frames per second that ``start`` counts."""
    start: int
    """Frames from timecode 00:00:00:00 to the first one seen."""
    length: int
    """Source frames from the first to the last one seen."""
    drop: bool | None = None
    """Whether the source's timecode drops frames; None where the cut has only counts."""
    before: int = 0
    """Further frames that a transition, or blending, shows before ``start``."""
    after: int = 0
    media: Media | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A clip that no shot can be made of."""

    number: int
    track: str
    name: str
    why: str
    """A clause, and after a semicolon what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A cut, read."""

    path: Path
    events: tuple[Event, ...]
    """In the order of the tracks, and of time in each."""
    refused: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """What was passed over: sound, gaps, black, clips that are switched off."""


def retimed(event: Event, speed: Fraction | None) -> Event | str:
    """The event at a constant speed: the source frames between its first and its last one; else why there is none.

    ``event.length`` counts frames of the cut; None means a speed that nobody knows. A speed of 0 is a freeze frame.
    """
    if speed is None:
        return "its speed changes within the clip; write the shot file by hand, with the source frames in `frames:`"
    if speed < 0:
        return "it plays backwards; write the shot file by hand, with the source frames in `frames:`"
    if speed == 0:
        return replace(event, length=1, notes=(*event.notes, "freeze frame: one frame, hold it after the render"))
    if speed == 1:
        return event
    reach = (event.length - 1) * speed
    return replace(
        event,
        length=math.floor(reach) + 1,
        before=math.ceil(event.before * speed),
        after=math.ceil(event.after * speed + reach - math.floor(reach)),
        notes=(*event.notes, f"at {float(speed * 100):.6g} % speed in the cut: source frames, retime after the render"),
    )


def media_path(text: str, cut: Path) -> str:
    """A file that a cut names, as a plate: relative to the cut's folder, ``a.[1001-1100].exr`` as ``a.%04d.exr``."""
    bracketed = re.fullmatch(r"([^\[\]]*)\[(\d{1,9})-\d{1,9}\]([^/]*)", text)
    if bracketed:
        text = f"{bracketed[1]}%0{len(bracketed[2])}d{bracketed[3]}"
    return str(cut.parent / text)
