"""A cut, independent of its file format: one event for each clip, with the source frames that it shows."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

LARGEST_FILE = 1 << 25
"""Bytes in a cut file. The cut of a feature film has a few MB."""

MOST_EVENTS = 10_000
"""Clips in a cut."""

MOST_LENGTH = 10_000_000
"""Source frames in one event; more is an error in the cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """The file that a cut names for a clip."""

    path: str
    """Absolute path, written as in ``plate:`` of a shot: a movie, a pattern or a single image."""
    start: int | None = None
    """Frames from timecode 00:00:00:00 to the first frame of the media; None if the cut does not say."""
    length: int | None = None
    """Frames in the media; None if the cut does not say."""
    first: int | None = None
    """Frame number of a sequence's first image; None if the cut does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One clip of the cut, and the source frames that it shows."""

    number: int
    """Event number in an EDL; in a timeline, the position of the clip, counted from 1."""
    track: str
    name: str
    """Name of the clip."""
    reel: str
    source: str
    """Name of the source file without suffix and frame number; the reel or the clip's name if there is no file."""
    rate: Fraction
    """Frames per second of ``start`` and ``length``."""
    start: int
    """Frames from timecode 00:00:00:00 to the first source frame of the clip."""
    length: int
    """Source frames from the first to the last one of the clip."""
    drop: bool | None = None
    """Whether the source's timecode drops frames; None if the cut has frame counts instead of timecode."""
    before: int = 0
    """Source frames before ``start`` that a transition or a blended retime shows."""
    after: int = 0
    """The same after the last source frame."""
    media: Media | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A clip that cannot become a shot."""

    number: int
    track: str
    name: str
    why: str
    """What is wrong, and after a semicolon what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The contents of a cut file."""

    path: Path
    events: tuple[Event, ...]
    """Ordered by track, and by time within each track."""
    refused: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """What was skipped, such as sound, black, and disabled clips."""


def retimed(event: Event, speed: Fraction | None) -> Event | str:
    """Retime an event: turn its ``length`` from frames of the cut into source frames.

    ``speed`` is source frames for each frame of the cut: 0 is a freeze frame, None a speed that is not constant.
    Returns the reason, for a ``Refusal``, if no shot can be made.
    """
    if speed is None:
        return "its speed changes within the clip; write the shot file by hand, with the source frames in `frames:`"
    if speed < 0:
        return "it plays backwards; write the shot file by hand, with the source frames in `frames:`"
    if speed == 0:
        return replace(
            event, length=1, notes=(*event.notes, "freeze frame: only one frame is rendered; hold it in the comp")
        )
    if speed == 1:
        return event
    reach = (event.length - 1) * speed
    return replace(
        event,
        length=math.floor(reach) + 1,
        before=math.ceil(event.before * speed),
        after=math.ceil(event.after * speed + reach - math.floor(reach)),
        notes=(
            *event.notes,
            f"at {float(speed * 100):.6g} % speed in the cut: source frames are rendered; retime in the comp",
        ),
    )


def media_path(text: str, cut: Path) -> str:
    """Make a plate path of a file name in a cut, relative to the cut; ``a.[1001-1100].exr`` becomes ``a.%04d.exr``."""
    bracketed = re.fullmatch(r"([^\[\]]*)\[(\d{1,9})-\d{1,9}\]([^/]*)", text)
    if bracketed:
        text = f"{bracketed[1]}%0{len(bracketed[2])}d{bracketed[3]}"
    return str(cut.parent / text)
