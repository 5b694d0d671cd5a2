"""From a cut's source timecode to the plate's own frame numbers."""

from __future__ import annotations

from dataclasses import dataclass

from vfxage.editorial.cut import Event
from vfxage.errors import ShotError
from vfxage.media.timecode import count_timecode, day_frames, drops_frames, shift_timecode
from vfxage.types import ClipInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformed:
    """The frames of an event in its plate."""

    first: int
    """Plate frame numbers, inclusive, transitions included."""
    last: int
    before: int
    """Frames that the plate has before and after these."""
    after: int
    notes: tuple[str, ...] = ()


def conform(event: Event, clip: ClipInfo | None, first_frame: int | None) -> Conformed:
    """Find the frames of the event in its plate; raises ShotError where they cannot be known or are not there.

    ``clip`` is the plate on disk; where there is none, the cut's own word on its media decides, and a movie starts at
    ``first_frame`` (1, as in Nuke). A plate's first frame is where its timecode says; where it has none, or the cut
    does not count by it, where the cut says that its media starts; else a sequence may be numbered by timecode, or
    starts at 00:00:00:00.
    """
    start, notes = _start(event, clip, first_frame)
    if clip is not None:
        low, high = clip.first, clip.last
    elif event.media is not None and event.media.length is not None:
        low = _first(event, first_frame)
        high = low + event.media.length - 1
    else:
        raise ShotError("its plate is not there", fix="put it in its place, or correct `plate:` of the template")
    last = start + event.length - 1
    if start < low or last > high:
        raise ShotError(
            f"its source from {source_time(event)}, frames {_span(start, last)}, reaches outside the plate, "
            f"which has {_span(low, high)}{f' from {clip.timecode}' if clip and clip.timecode else ''}",
            fix="check the plate, its timecode and the cut's rate",
        )
    first, end = max(low, start - event.before), min(high, last + event.after)
    lacking = event.before - (start - first) + event.after - (end - last)
    if lacking:
        notes = (*notes, f"the plate lacks {lacking} frames of a transition")
    return Conformed(first=first, last=end, before=first - low, after=high - end, notes=(*event.notes, *notes))


def _span(first: int, last: int) -> str:
    return f"{first}-{last}" if first != last else str(first)


def _first(event: Event, first_frame: int | None) -> int:
    """Number of the media's first frame, as the cut or the shot has it."""
    if event.media is not None and event.media.first is not None:
        return event.media.first
    return 1 if first_frame is None else first_frame


def _start(event: Event, clip: ClipInfo | None, first_frame: int | None) -> tuple[int, tuple[str, ...]]:
    """Plate number of the event's first frame, and what had to be taken for granted."""
    media = event.media
    if clip is None:
        return _first(event, first_frame) + event.start - (media.start or 0 if media else 0), ()
    if clip.rate is not None and round(clip.rate) != round(event.rate):
        raise ShotError(
            f"the cut counts {float(event.rate):g} frames a second and the plate {float(clip.rate):g}",
            fix="conform the cut to the plate's rate, or correct `rate:`",
        )
    if clip.timecode is not None and (told := count_timecode(clip.timecode, event.rate)) is not None:
        drop = drops_frames(clip.timecode, event.rate)
        if event.drop is not None and drop != event.drop:
            kinds = "drop frame" if event.drop else "non-drop", "drop frame" if drop else "non-drop"
            raise ShotError(
                f"the cut's timecode of it is {kinds[0]} and the plate's {kinds[1]}", fix="conform one to the other"
            )
        start = clip.first + _after(told, event, clip, drop)
        if _fits(start, event, clip) or (own := _in_media(event, clip)) is None or not _fits(own, event, clip):
            return start, ()
        return own, ("not by the plate's timecode: the cut counts from the first frame of its media",)
    own = _in_media(event, clip)
    return _untimed(event, clip) if own is None else (own, ())


def _in_media(event: Event, clip: ClipInfo) -> int | None:
    """Plate number of the event's first frame by the cut's word on where the media starts, if it has one."""
    if event.media is None or event.media.start is None:
        return None
    return (clip.first if event.media.first is None else event.media.first) + event.start - event.media.start


def _fits(start: int, event: Event, clip: ClipInfo) -> bool:
    return clip.first <= start and start + event.length - 1 <= clip.last


def _after(told: int, event: Event, clip: ClipInfo, drop: bool) -> int:
    """Frames from the plate's first timecode to the event's, past midnight where only that is in the plate."""
    offset = event.start - told
    beyond = offset + day_frames(event.rate, drop=drop)
    return beyond if offset < 0 and beyond <= clip.last - clip.first else offset


def _untimed(event: Event, clip: ClipInfo) -> tuple[int, tuple[str, ...]]:
    """A plate of which nobody says where it starts."""
    numbered, counted = event.start, clip.first + event.start
    fitting = [
        start
        for start in dict.fromkeys((numbered, counted) if clip.kind == "sequence" else (counted,))
        if _fits(start, event, clip)
    ]
    if len(fitting) > 1:
        raise ShotError(
            f"the plate has no timecode: its frames are {' or '.join(_span(n, n + event.length - 1) for n in fitting)}",
            fix="give the plate a timecode, or export the cut as .otio with the media's own range",
        )
    if fitting == [numbered] and numbered != counted:
        return numbered, ("the plate has no timecode: its numbers are taken for it",)
    return counted, ("the plate has no timecode: it is taken to start at 00:00:00:00",)


def source_time(event: Event) -> str:
    """The source's first frame as people read it."""
    return shift_timecode(f"00:00:00{';' if event.drop else ':'}00", event.start, event.rate) or ""
