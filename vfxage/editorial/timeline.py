"""OpenTimelineIO's timelines: the only module that knows the library."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import opentimelineio as otio

from vfxage.editorial.cut import MOST_EVENTS, MOST_LENGTH, Cut, Event, Media, Refusal, media_path, retimed
from vfxage.errors import ReadError, ShotError
from vfxage.frames import Pattern
from vfxage.shot.models import frame_rate

DEEPEST = 200
"""Brackets within brackets: OpenTimelineIO's parser ends the process on some ten thousand."""

_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"|([\[{])|([\]}])', re.DOTALL)
_LIBRARY = (otio.exceptions.OTIOError, ValueError, KeyError, RecursionError)
"""What the library raises for files that are not what they say."""
_REELS = frozenset({"reel", "reel name", "reel_name", "reelname", "tape", "tape name", "tape_name"})
_Time, _TimeRange = otio.opentime.RationalTime, otio.opentime.TimeRange
_Cut = tuple[Any, Any]
"""Times that are cut off an item at its beginning and its end."""
_WHOLE_ITEM: _Cut = (_Time(0, 24), _Time(0, 24))
_WHOLE = 1e-4
"""A time this near to a frame is that frame."""


def read_timeline(text: str, path: Path) -> Cut:
    """Read an .otio file's text; raises ReadError for what is no timeline with clips."""
    _check_depth(text, path)
    try:
        timeline = otio.core.deserialize_json_from_string(text)
        if not isinstance(timeline, otio.schema.Timeline) or not isinstance(timeline.tracks, otio.schema.Stack):
            kind = type(timeline).__name__
            raise ReadError(f"holds no timeline of tracks (but {kind})", path=path, fix="export the timeline itself")
        return _Reader(path).cut(timeline)
    except _LIBRARY as error:
        said = re.sub(r"\s*\(of type '[^']*'\)", "", str(error).strip("'\"").split("\n")[0])[:200]
        raise ReadError(f"damaged OpenTimelineIO file ({said})", path=path, fix="export the cut again") from error


def _check_depth(text: str, path: Path) -> None:
    depth = 0
    for match in _BRACKETS.finditer(text):
        depth += (match[1] is not None) - (match[2] is not None)
        if depth > DEEPEST:
            fix = "export the cut again"
            raise ReadError(f"damaged OpenTimelineIO file (nested deeper than {DEEPEST})", path=path, fix=fix)


class _Reader:
    """Collects what the tracks of one timeline hold."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0
        self._passed: Counter[str] = Counter()
        self._notes: list[str] = []
        self._events: list[Event] = []
        self._refused: list[Refusal] = []

    def cut(self, timeline: Any) -> Cut:
        for index, track in enumerate(timeline.tracks):
            if not isinstance(track, otio.schema.Track):
                self._refuse(track, f"V{index + 1}", "it lies beside the tracks; put it into one")
            elif track.kind == otio.schema.TrackKind.Video and track.enabled:
                self._track(track, track.name or f"V{index + 1}")
            else:
                self._passed["clips of sound or switched-off tracks"] += sum(map(_is_clip, track))
        if not self._events and not self._refused:
            fix = "export a timeline with clips in video tracks"
            raise ReadError("no clip in any video track", path=self._path, fix=fix)
        return Cut(
            path=self._path,
            events=tuple(self._events),
            refused=tuple(self._refused),
            notes=(*self._notes, *(f"passed over: {count} {what}" for what, count in self._passed.items() if count)),
        )

    def _track(self, track: Any, name: str, window: Any = None) -> None:
        """Take what is seen of a track's items; ``window`` is the part seen of it, counted from its own beginning."""
        seen = _placed(window, track.source_range)
        items = list(track)
        places = {} if seen is None else track.range_of_all_children()
        for index, item in enumerate(items):
            if isinstance(item, otio.schema.Gap | otio.schema.Transition):
                continue
            cut = _cut_off(places[item], seen) if seen else _WHOLE_ITEM
            if cut is None:
                self._passed["clips that a trimmed track does not show"] += 1
                continue
            self._count += 1
            if self._count > MOST_EVENTS:
                raise ReadError(f"holds more than {MOST_EVENTS:,} clips", path=self._path, fix="split the cut")
            if not _is_clip(item):
                self._nested(item, name, cut)
            elif not item.enabled:
                self._passed["clips that are switched off"] += 1
            elif isinstance(item.media_reference, otio.schema.GeneratorReference):
                self._passed["black, bars and other generators"] += 1
            else:
                self._clip(item, name, _overlaps(items, index), cut)

    def _nested(self, item: Any, name: str, cut: _Cut) -> None:
        """Take the clips of a nested sequence that are seen of it."""
        inner = [item] if isinstance(item, otio.schema.Track) else list(item)
        if any(isinstance(effect, otio.schema.TimeEffect) for effect in item.effects):
            self._refuse(item, name, "it is a nested sequence at another speed; flatten it, or export that sequence")
        elif not all(isinstance(track, otio.schema.Track) for track in inner):
            self._refuse(item, name, "it is a nested sequence without tracks; flatten it, or export that sequence")
        else:
            try:
                window = _TimeRange(cut[0], item.duration() - cut[0] - cut[1])
            except otio.exceptions.OTIOError:
                self._refuse(
                    item, name, "it is a nested sequence of unknown length; flatten it, or export that sequence"
                )
                return
            window = window if inner == [item] else _placed(window, item.source_range)
            for track in inner:
                if track.kind == otio.schema.TrackKind.Video and track.enabled:
                    self._track(track, name, window)

    def _clip(self, clip: Any, track: str, overlaps: tuple[Any, Any], cut: _Cut) -> None:
        try:
            event = self._event(clip, track, overlaps, cut)
        except (ValueError, ShotError) as error:
            event = str(error)
        if isinstance(event, str):
            self._refuse(clip, track, event)
        else:
            self._events.append(event)

    def _refuse(self, item: Any, track: str, why: str) -> None:
        name = _line(item.name) or type(item).__name__.lower()
        self._refused.append(Refusal(number=self._count, track=track, name=name, why=why))

    def _event(self, clip: Any, track: str, overlaps: tuple[Any, Any], cut: _Cut) -> Event | str:
        try:
            seen = clip.trimmed_range()
        except otio.exceptions.OTIOError:
            return "it has neither a source range nor media of known length; relink it and export again"
        rate = _rate(seen.start_time.rate)
        media = self._media(clip.media_reference, rate)
        start, length = _frames(seen, rate)
        head, tail = (_length(time, rate) for time in cut)
        before, after = (
            0 if time is None or off else _length(time, rate) for time, off in zip(overlaps, (head, tail), strict=True)
        )
        speed = _speed(clip)
        plate = Pattern.parse(media.path) if media else None
        file = "" if plate is None else plate.prefix.rstrip("._- ") if plate.digits else Path(plate.prefix).stem
        name = _line(clip.name) or file or f"event {self._count}"
        source = file or _line(clip.media_reference.name if clip.media_reference else "") or name
        event = Event(
            number=self._count,
            track=track,
            name=name,
            reel=_reel(clip.metadata) or _reel(clip.media_reference.metadata if clip.media_reference else {}) or source,
            source=source,
            rate=rate,
            start=start + math.floor(head * (speed or 1)),
            length=length - head - tail,
            before=before,
            after=after,
            media=media,
        )
        return retimed(event, speed)

    def _media(self, reference: Any, rate: Fraction) -> Media | None:
        """The media of a clip; ValueError in words where its images cannot be counted."""
        sequence = isinstance(reference, otio.schema.ImageSequenceReference)
        if not sequence and not isinstance(reference, otio.schema.ExternalReference):
            return None
        start = length = None
        if reference.available_range is not None:
            own = _rate(reference.available_range.start_time.rate)
            if round(own) != round(rate):
                what = f"the cut counts {float(rate):g} frames a second and its media {float(own):g}"
                raise ValueError(f"{what}; conform it to one rate, or write the shot file by hand")
            start, length = _frames(reference.available_range, own)
        if not sequence:
            return Media(path=self._file(_plain(reference.target_url)), start=start, length=length)
        if reference.frame_step != 1:
            step = reference.frame_step
            raise ValueError(f"its images are numbered in steps of {step}; renumber them, or write the shot by hand")
        if not 0 <= reference.frame_zero_padding <= 99:
            raise ValueError(f"its images are padded to {reference.frame_zero_padding} digits; export the cut again")
        name = f"{reference.name_prefix}%0{max(1, reference.frame_zero_padding)}d{reference.name_suffix}"
        folder = _plain(reference.target_url_base)
        path = self._file(f"{folder}{'' if not folder or folder.endswith('/') else '/'}{name}")
        return Media(path=path, start=start, length=length, first=reference.start_frame)

    def _file(self, text: str) -> str:
        """The path of a media reference; relative ones start at the cut's folder."""
        if not text or "\0" in text or "://" in text:
            raise ValueError(f"its media is no file ({_line(text) or 'no name'}); relink it and export again")
        return media_path(text, self._path)


def _placed(window: Any, trim: Any) -> Any:
    """The part of a track, in its time, that is seen through ``window`` and its own ``trim``; None for all of it."""
    if window is None or trim is None:
        return window or trim
    begin = trim.start_time + window.start_time
    end = min(trim.end_time_exclusive(), begin + window.duration)
    return _TimeRange(begin, max(end - begin, _Time(0, begin.rate)))


def _cut_off(place: Any, seen: Any) -> _Cut | None:
    """How much of an item at ``place`` is not seen at its beginning and its end; None where nothing is seen."""
    none = _Time(0, place.duration.rate)
    head = max(seen.start_time - place.start_time, none)
    tail = max(place.end_time_exclusive() - seen.end_time_exclusive(), none)
    return (head, tail) if head + tail < place.duration else None


def _is_clip(item: Any) -> bool:
    return isinstance(item, otio.schema.Clip)


def _overlaps(items: list[Any], index: int) -> tuple[Any, Any]:
    """How much of a clip a transition shows before it begins and after it ends."""
    before = items[index - 1] if index else None
    after = items[index + 1] if index + 1 < len(items) else None
    return (
        before.in_offset if isinstance(before, otio.schema.Transition) else None,
        after.out_offset if isinstance(after, otio.schema.Transition) else None,
    )


def _speed(clip: Any) -> Fraction | None:
    """Source frames a frame of the cut; None where it is not constant."""
    effects = [effect for effect in clip.effects if isinstance(effect, otio.schema.TimeEffect)]
    if not effects:
        return Fraction(1)
    if len(effects) > 1 or not isinstance(effects[0], otio.schema.LinearTimeWarp):
        return None
    scalar = 0.0 if isinstance(effects[0], otio.schema.FreezeFrame) else effects[0].time_scalar
    if not abs(scalar) <= 1000:
        return None
    return Fraction(scalar).limit_denominator(100_000)


def _rate(value: float) -> Fraction:
    try:
        return frame_rate(float(value))
    except ValueError as error:
        raise ValueError(f"its rate {error}; export the cut again") from error


def _number(time: Any, rate: Fraction) -> float:
    """Frames of a time, of which another nominal rate's are as many seconds."""
    own = _rate(time.rate)
    value: float = time.value if round(own) == round(rate) else time.value * float(rate / own)
    if not abs(value) <= 2**40:
        raise ValueError("its times are no numbers of frames; export the cut again")
    return value


def _frames(span: Any, rate: Fraction) -> tuple[int, int]:
    """First frame and count of frames of a range; parts of frames count as whole ones."""
    start = _number(span.start_time, rate)
    first = math.floor(start + _WHOLE)
    length = math.ceil(start + _number(span.duration, rate) - _WHOLE) - first
    if not 1 <= length <= MOST_LENGTH:
        raise ValueError(f"it is {length} frames long; export the cut again")
    return first, length


def _length(time: Any, rate: Fraction) -> int:
    frames = math.ceil(_number(time, rate) - _WHOLE)
    if not 0 <= frames <= MOST_LENGTH:
        raise ValueError(f"its transition is {frames} frames long; export the cut again")
    return frames


def _plain(url: str) -> str:
    """The path of a file: URL, a sequence's %04d kept as it is; anything else as it is."""
    local = re.fullmatch(r"file:(?://[^/]*)?(/.*)", url, re.DOTALL)
    if local is None:
        return url
    parts = re.split(r"(%0\dd)", local[1])
    return "".join(part if index % 2 else unquote(part) for index, part in enumerate(parts))


def _reel(metadata: Mapping[str, Any]) -> str:
    """The first reel or tape that metadata names, at its top or one level down."""
    return next(_reels(metadata, 1), "")


def _reels(metadata: Mapping[str, Any], levels: int) -> Iterator[str]:
    for key, value in metadata.items():
        if key.lower() in _REELS and isinstance(value, str) and value.strip():
            yield _line(value)
        elif levels and isinstance(value, Mapping):
            yield from _reels(value, levels - 1)


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
