"""Read OpenTimelineIO timelines. Only this module uses the library."""

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
"""Most brackets inside each other: about ten thousand crash OpenTimelineIO's parser, and with it the process."""

_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"|([\[{])|([\]}])', re.DOTALL)
_LIBRARY = (otio.exceptions.OTIOError, ValueError, KeyError, RecursionError)
"""What the library raises for damaged files."""
_REELS = frozenset({"reel", "reel name", "reel_name", "reelname", "tape", "tape name", "tape_name"})
_Time, _TimeRange = otio.opentime.RationalTime, otio.opentime.TimeRange
_Cut = tuple[Any, Any]
"""Times at the beginning and the end of an item that are not shown."""
_WHOLE_ITEM: _Cut = (_Time(0, 24), _Time(0, 24))
_WHOLE = 1e-4
"""Tolerance in frames: a time this close to a whole frame is that frame."""


def read_timeline(text: str, path: Path) -> Cut:
    """Read the text of an .otio file. Raises ReadError if it is not a timeline with clips."""
    _check_depth(text, path)
    try:
        timeline = otio.core.deserialize_json_from_string(text)
        if not isinstance(timeline, otio.schema.Timeline) or not isinstance(timeline.tracks, otio.schema.Stack):
            kind = type(timeline).__name__
            raise ReadError(f"holds no timeline with tracks, but a {kind}", path=path, fix="export the timeline itself")
        return _Reader(path).cut(timeline)
    except otio.exceptions.UnsupportedSchemaError as error:
        what = f"was written by a newer OpenTimelineIO than {otio.__version__}, which vfxage has"
        fix = "export it for an older version (a schema family such as OTIO_CORE:0.15.0)"
        raise ReadError(what, path=path, fix=fix) from error
    except _LIBRARY as error:
        reason = re.sub(r"\s*\(of type '[^']*'\)", "", str(error).strip("'\"").split("\n")[0])[:200]
        raise ReadError(f"damaged OpenTimelineIO file ({reason})", path=path, fix="export the cut again") from error


def _check_depth(text: str, path: Path) -> None:
    """Raise ReadError if the JSON is nested too deeply for the library."""
    depth = 0
    for match in _BRACKETS.finditer(text):
        depth += (match[1] is not None) - (match[2] is not None)
        if depth > DEEPEST:
            fix = "export the cut again"
            raise ReadError(f"damaged OpenTimelineIO file (nested deeper than {DEEPEST})", path=path, fix=fix)


class _Reader:
    """Collects the events of one timeline, track by track."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0
        self._skipped: Counter[str] = Counter()
        self._events: list[Event] = []
        self._refused: list[Refusal] = []

    def cut(self, timeline: Any) -> Cut:
        """Read all tracks; raises ReadError if there is no clip."""
        for index, track in enumerate(timeline.tracks):
            if not isinstance(track, otio.schema.Track):
                self._refuse(track, f"V{index + 1}", "it is not in a track; put it into one")
            elif track.kind == otio.schema.TrackKind.Video and track.enabled:
                self._track(track, track.name or f"V{index + 1}")
            else:
                self._skipped["clips on sound tracks or disabled tracks"] += sum(map(_is_clip, track))
        if not self._events and not self._refused:
            fix = "export a timeline with clips in video tracks"
            raise ReadError("has no clip in a video track", path=self._path, fix=fix)
        return Cut(
            path=self._path,
            events=tuple(self._events),
            refused=tuple(self._refused),
            notes=tuple(f"skipped {what}: {count}" for what, count in self._skipped.items() if count),
        )

    def _track(self, track: Any, name: str, window: Any = None) -> None:
        """Add the visible items of a track; ``window`` is its visible part, counted from the start of the track."""
        seen = _visible_range(window, track.source_range)
        items = list(track)
        places = {} if seen is None else track.range_of_all_children()
        for index, item in enumerate(items):
            if isinstance(item, otio.schema.Gap | otio.schema.Transition):
                continue
            cut = _hidden_ends(places[item], seen) if seen else _WHOLE_ITEM
            if cut is None:
                self._skipped["clips outside a trimmed track"] += 1
                continue
            self._count += 1
            if self._count > MOST_EVENTS:
                raise ReadError(f"holds more than {MOST_EVENTS:,} clips", path=self._path, fix="split the cut")
            if not _is_clip(item):
                self._nested(item, name, cut)
            elif not item.enabled:
                self._skipped["disabled clips"] += 1
            elif isinstance(item.media_reference, otio.schema.GeneratorReference):
                self._skipped["black, bars and other generators"] += 1
            else:
                self._clip(item, name, _overlaps(items, index), cut)

    def _nested(self, item: Any, name: str, cut: _Cut) -> None:
        """Add the visible clips of a nested sequence."""
        inner = [item] if isinstance(item, otio.schema.Track) else list(item)
        if any(isinstance(effect, otio.schema.TimeEffect) for effect in item.effects):
            self._refuse(item, name, "it is a nested sequence with a retime; flatten it, or export that sequence")
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
            window = window if inner == [item] else _visible_range(window, item.source_range)
            for track in inner:
                if track.kind == otio.schema.TrackKind.Video and track.enabled:
                    self._track(track, name, window)

    def _clip(self, clip: Any, track: str, overlaps: tuple[Any, Any], cut: _Cut) -> None:
        """Add the event of a clip, or refuse the clip."""
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
        """The event of a clip, or the reason why it cannot become a shot; ValueError, in words, for wrong media."""
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
        file = _file_stem(media) if media else ""
        reference, tags = _named(clip.media_reference)
        name = _line(clip.name) or file or f"event {self._count}"
        source = file or reference or name
        event = Event(
            number=self._count,
            track=track,
            name=name,
            reel=_reel(clip.metadata) or _reel(tags) or source,
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
        """The media of a clip, or None. Raises ValueError, in words, if the frames of the media cannot be numbered."""
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
            return Media(path=self._file(_path_of_url(reference.target_url)), start=start, length=length)
        if reference.frame_step != 1:
            step = reference.frame_step
            raise ValueError(
                f"its images are numbered in steps of {step}; renumber them, or write the shot file by hand"
            )
        if not 0 <= reference.frame_zero_padding <= 99:
            raise ValueError(f"its images are padded to {reference.frame_zero_padding} digits; export the cut again")
        name = f"{reference.name_prefix}%0{max(1, reference.frame_zero_padding)}d{reference.name_suffix}"
        folder = _path_of_url(reference.target_url_base)
        path = self._file(f"{folder}{'' if not folder or folder.endswith('/') else '/'}{name}")
        return Media(path=path, start=start, length=length, first=reference.start_frame)

    def _file(self, text: str) -> str:
        """The absolute path of a media reference; a relative one starts at the cut's folder."""
        if not text or "\0" in text or "://" in text:
            raise ValueError(f"its media is not a file ({_line(text) or 'no name'}); relink it and export again")
        return media_path(text, self._path)


def _file_stem(media: Media) -> str:
    """The name of the media's file without suffix and frame number."""
    plate = Pattern.parse(media.path)
    return plate.prefix.rstrip("._- ") if plate.digits else Path(plate.prefix).stem


def _named(reference: Any) -> tuple[str, Mapping[str, Any]]:
    """The name and the metadata of a media reference, which can be None."""
    return (_line(reference.name), reference.metadata) if reference else ("", {})


def _visible_range(window: Any, trim: Any) -> Any:
    """The part of a track that ``window`` and the track's ``trim`` leave visible, in track time; None for all of it."""
    if window is None or trim is None:
        return window or trim
    begin = trim.start_time + window.start_time
    end = min(trim.end_time_exclusive(), begin + window.duration)
    return _TimeRange(begin, max(end - begin, _Time(0, begin.rate)))


def _hidden_ends(place: Any, seen: Any) -> _Cut | None:
    """The hidden times at the beginning and the end of an item at ``place``; None if all of it is hidden."""
    none = _Time(0, place.duration.rate)
    head = max(seen.start_time - place.start_time, none)
    tail = max(place.end_time_exclusive() - seen.end_time_exclusive(), none)
    return (head, tail) if head + tail < place.duration else None


def _is_clip(item: Any) -> bool:
    return isinstance(item, otio.schema.Clip)


def _overlaps(items: list[Any], index: int) -> tuple[Any, Any]:
    """The times of a clip that transitions show before its beginning and after its end; None without a transition."""
    before = items[index - 1] if index else None
    after = items[index + 1] if index + 1 < len(items) else None
    return (
        before.in_offset if isinstance(before, otio.schema.Transition) else None,
        after.out_offset if isinstance(after, otio.schema.Transition) else None,
    )


def _speed(clip: Any) -> Fraction | None:
    """Source frames for each frame of the cut; None if the speed is not constant."""
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
    """A time in frames of ``rate``; a time with another nominal rate is converted by seconds."""
    own = _rate(time.rate)
    value: float = time.value if round(own) == round(rate) else time.value * float(rate / own)
    if not abs(value) <= 2**40:
        raise ValueError("its times are not frame numbers; export the cut again")
    return value


def _frames(span: Any, rate: Fraction) -> tuple[int, int]:
    """First frame and number of frames of a range; a part of a frame counts as a whole one."""
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


def _path_of_url(url: str) -> str:
    """The path in a file: URL, which can contain %04d; any other text is returned unchanged."""
    local = re.fullmatch(r"file:(?://[^/]*)?(/.*)", url, re.DOTALL)
    if local is None:
        return url
    parts = re.split(r"(%0\dd)", local[1])
    return "".join(part if index % 2 else unquote(part) for index, part in enumerate(parts))


def _reel(metadata: Mapping[str, Any]) -> str:
    """The first reel or tape in metadata, at the top or one level down; "" if there is none."""
    return next(_reels(metadata, 1), "")


def _reels(metadata: Mapping[str, Any], levels: int) -> Iterator[str]:
    for key, value in metadata.items():
        if key.lower() in _REELS and isinstance(value, str) and value.strip():
            yield _line(value)
        elif levels and isinstance(value, Mapping):
            yield from _reels(value, levels - 1)


def _line(text: str) -> str:
    """The text on one line, at most 200 characters."""
    return " ".join(text.split())[:200]
