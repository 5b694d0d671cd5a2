"""Conform: find the frame numbers of the plate that the cut's source timecode means."""

from __future__ import annotations

from dataclasses import dataclass

from vfxage.editorial.cut import Event
from vfxage.errors import ShotError, count_of
from vfxage.media.timecode import count_timecode, day_frames, drops_frames, shift_timecode
from vfxage.types import ClipInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformed:
    """The frames of an event in its plate."""

    first: int
    """First and last plate frame number, both included, with the frames of transitions."""
    last: int
    before: int
    """Frames that the plate has before ``first`` and after ``last``."""
    after: int
    notes: tuple[str, ...] = ()


def conform(event: Event, clip: ClipInfo | None, first_frame: int | None) -> Conformed:
    """Find the frames of the event in its plate. Raises ShotError if they cannot be known, or the plate lacks them.

    ``clip`` is the plate on disk. If there is none, the media of the cut decides; a movie then starts at
    ``first_frame`` (1 by default, as in Nuke). The start of a plate on disk is, in this order: its own timecode; the
    start that the cut gives for the media (also if the cut does not fit the plate's timecode); for a sequence,
    frame numbers that are timecode; 00:00:00:00.
    """
    start, notes = _start(event, clip, first_frame)
    if clip is not None:
        low, high = clip.first, clip.last
    elif event.media is not None and event.media.length is not None:
        low = _first(event, first_frame)
        high = low + event.media.length - 1
    else:
        raise ShotError("plate not found", fix="copy it there, or correct `plate:` in the template")
    last = start + event.length - 1
    if start < low or last > high:
        raise ShotError(
            f"its source from {source_time(event)}, frames {_span(start, last)}, is not all in the plate, "
            f"which has {_span(low, high)}{f' from {clip.timecode}' if clip and clip.timecode else ''}",
            fix="check the plate, its timecode and the cut's rate",
        )
    first, end = max(low, start - event.before), min(high, last + event.after)
    missing = event.before - (start - first) + event.after - (end - last)
    if missing:
        notes = (*notes, f"the plate is {count_of(missing, 'frame')} short of a transition")
    return Conformed(first=first, last=end, before=first - low, after=high - end, notes=(*event.notes, *notes))


def _span(first: int, last: int) -> str:
    return f"{first}-{last}" if first != last else str(first)


def _first(event: Event, first_frame: int | None) -> int:
    """Number of the first frame of the media, from the cut, else from the shot."""
    if event.media is not None and event.media.first is not None:
        return event.media.first
    return 1 if first_frame is None else first_frame


def _start(event: Event, clip: ClipInfo | None, first_frame: int | None) -> tuple[int, tuple[str, ...]]:
    """Plate frame number of the event's first frame, and notes on what had to be assumed."""
    media = event.media
    if clip is None:
        return _first(event, first_frame) + event.start - (media.start or 0 if media else 0), ()
    if clip.rate is not None and round(clip.rate) != round(event.rate):
        raise ShotError(
            f"the cut counts {float(event.rate):g} frames a second and the plate {float(clip.rate):g}",
            fix="conform the cut to the plate's rate, or correct `rate:`",
        )
    if clip.timecode is not None and (first := count_timecode(clip.timecode, event.rate)) is not None:
        start = clip.first + _offset(first, event, clip, _drops(clip.timecode, event))
        if _fits(start, event, clip) or (own := _in_media(event, clip)) is None or not _fits(own, event, clip):
            return start, ()
        return own, ("the plate's timecode is not used: the cut counts from the first frame of its media",)
    own = _in_media(event, clip)
    return _untimed(event, clip) if own is None else (own, ())


def _drops(timecode: str, event: Event) -> bool:
    """Whether the plate's timecode drops frames; raises ShotError if the cut's timecode of it is of the other kind."""
    drop = drops_frames(timecode, event.rate)
    if event.drop is not None and drop != event.drop:
        cut, plate = ("drop frame" if kind else "non-drop" for kind in (event.drop, drop))
        what = f"its timecode is {cut} in the cut and {plate} in the plate"
        raise ShotError(what, fix="conform one to the other")
    return drop


def _in_media(event: Event, clip: ClipInfo) -> int | None:
    """Plate frame number of the event's first frame if the cut says where the media starts, else None."""
    if event.media is None or event.media.start is None:
        return None
    return (clip.first if event.media.first is None else event.media.first) + event.start - event.media.start


def _fits(start: int, event: Event, clip: ClipInfo) -> bool:
    """Whether the plate has all frames of an event that starts at this plate frame number."""
    return clip.first <= start and start + event.length - 1 <= clip.last


def _offset(first: int, event: Event, clip: ClipInfo, drop: bool) -> int:
    """Frames from the plate's first timecode to the event's; an event before it may be past midnight."""
    offset = event.start - first
    beyond = offset + day_frames(event.rate, drop=drop)
    return beyond if offset < 0 and beyond <= clip.last - clip.first else offset


def _untimed(event: Event, clip: ClipInfo) -> tuple[int, tuple[str, ...]]:
    """The start of the event, and a note, if neither plate nor cut says where the plate starts."""
    numbered, counted = event.start, clip.first + event.start
    fitting = [
        start
        for start in dict.fromkeys((numbered, counted) if clip.kind == "sequence" else (counted,))
        if _fits(start, event, clip)
    ]
    if len(fitting) > 1:
        raise ShotError(
            f"the plate has no timecode: its frames are {' or '.join(_span(n, n + event.length - 1) for n in fitting)}",
            fix="give the plate a timecode, or export the cut as .otio with the range of the media",
        )
    if fitting == [numbered] and numbered != counted:
        return numbered, ("the plate has no timecode: its frame numbers are used as timecode",)
    return counted, ("the plate has no timecode: it is assumed to start at 00:00:00:00",)


def source_time(event: Event) -> str:
    """The timecode of the first source frame, such as 01:00:00:10; with ; for drop frame."""
    return shift_timecode(f"00:00:00{';' if event.drop else ':'}00", event.start, event.rate) or ""
