"""Read CMX 3600 EDLs, with drop frame, speeds and dissolves as editing systems write them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path, PurePosixPath, PureWindowsPath

from vfxage.editorial.cut import MOST_EVENTS, MOST_LENGTH, Cut, Event, Media, Refusal, media_path, retimed
from vfxage.errors import ReadError
from vfxage.media.timecode import count_timecode, day_frames, drops_frames, shift_timecode

_TIME = r"\d{1,2}:\d{2}:\d{2}[:;.,]\d{2,3}"
_EVENT = re.compile(
    rf"(?P<number>\d{{1,6}})\s+(?P<reel>\S.*?)\s+(?P<channels>[A-Z0-9/]{{1,10}})\s+"
    rf"(?P<edit>C|D|W\d{{1,3}}|KB|KO|K)\s+(?:(?P<frames>\d{{1,6}})\s+)?"
    rf"(?P<source_in>{_TIME})\s+(?P<source_out>{_TIME})\s+(?P<record_in>{_TIME})\s+(?P<record_out>{_TIME})\s*"
)
_SPEED = re.compile(rf"M2\s+(?P<reel>\S.*?)\s+(?P<speed>-?\d{{1,5}}(?:\.\d{{1,6}})?)\s+{_TIME}\s*")
_COMMENT = re.compile(
    r"\*\s*(?P<key>FROM CLIP NAME|TO CLIP NAME|SOURCE FILE|FROM CLIP|FROM FILE)\s*:\s*(?P<value>\S.*)", re.IGNORECASE
)
_NO_PLATE = ("BL", "BLACK", "BARS")
"""Reel names that CMX 3600 reserves for black and bars."""
_TIMES = ("source_in", "source_out", "record_in", "record_out")


@dataclass(slots=True)
class _Entry:
    """One event line, with the lines below it that belong to it."""

    line: int
    number: int
    reel: str
    channels: str
    edit: str
    frames: int
    times: dict[str, int]
    """Frames from 00:00:00:00, by the names of ``_TIMES``."""
    drop: bool
    """Whether the source's timecode drops frames."""
    comments: dict[str, str] = field(default_factory=dict)
    """The texts of comments, by their keys in upper case."""
    speed: Fraction | None = None
    """Source frames for each second of the cut, from an M2 line."""
    freeze: bool = False
    after: int = 0
    """Frames that the dissolve to the next event still shows of this event."""

    def length(self, side: str) -> int:
        """Frames between in and out of the side "source" or "record"."""
        return self.times[f"{side}_out"] - self.times[f"{side}_in"]


def read_edl(text: str, path: Path, rate: Fraction) -> Cut:
    """Read the text of an EDL with ``rate`` frames per second. Raises ReadError with the number of the wrong line.

    If no timecode has a ``;``, ``FCM: DROP FRAME`` decides whether timecode drops frames.
    """
    entries = _entries(text, path, rate)
    if not entries:
        fix = "export the cut as CMX 3600, or as OpenTimelineIO (.otio)"
        raise ReadError("has no events, so it is not a CMX 3600 EDL", path=path, fix=fix)
    skipped = Counter(what for entry in entries if (what := _not_picture(entry)))
    events: list[Event] = []
    refused: list[Refusal] = []
    picture = [entry for entry in entries if _not_picture(entry) is None]
    _extend_dissolves(picture)
    for entry in picture:
        if entry.length("record") == 0 and entry.length("source") == 0:
            continue  # the outgoing side of a dissolve: its frames belong to the event before
        event = _event(entry, path, rate)
        if isinstance(event, str):
            refused.append(Refusal(number=entry.number, track=_track(entry.channels), name=_name(entry), why=event))
        else:
            events.append(event)
    notes = tuple(f"skipped {what}: {count}" for what, count in skipped.items())
    if not events and not refused:
        raise ReadError("has no picture events", path=path, fix="export the picture tracks")
    return Cut(path=path, events=tuple(events), refused=tuple(refused), notes=notes)


def _entries(text: str, path: Path, rate: Fraction) -> list[_Entry]:
    marked = re.search(r"^\d.*\d{2}:\d{2}:\d{2};\d{2}", text, re.MULTILINE) is not None
    drop, entries = False, list[_Entry]()
    for number, line in _lines(text):
        if line.upper().startswith("FCM"):
            drop = not marked and "NON" not in line.upper() and "DROP" in line.upper()
            if drop and not drops_frames("00:00:00;00", rate):
                what = f"line {number}: timecode at {float(rate):g} frames a second does not drop frames"
                raise ReadError(what, path=path, fix="say --rate 29.97, or correct its FCM line")
        elif line[0].isdigit():
            entries.append(_entry(line, number, path, rate, drop))
            if len(entries) > MOST_EVENTS:
                raise ReadError(f"holds more than {MOST_EVENTS:,} events", path=path, fix="split the cut")
        elif entries:
            _add_line(entries, line, number, path)
    return entries


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield number, line.strip()


def _entry(line: str, number: int, path: Path, rate: Fraction, drop: bool) -> _Entry:
    match = _EVENT.fullmatch(line[:300])
    if match is None:
        fix = "export the cut as CMX 3600, or as OpenTimelineIO (.otio)"
        raise ReadError(f"line {number} is not an event of a CMX 3600 EDL", path=path, fix=fix)
    codes = {name: _code(match[name], drop) for name in _TIMES}
    times = {}
    for name, code in codes.items():
        count = count_timecode(code, rate)
        if count is None or shift_timecode(code, 0, rate) != code:
            what = f"line {number}: {match[name]} is not a timecode at {float(rate):g} frames a second"
            raise ReadError(what, path=path, fix="say the --rate of the cut")
        times[name] = count
    entry = _Entry(
        line=number,
        number=int(match["number"]),
        reel=match["reel"],
        channels=match["channels"],
        edit=match["edit"],
        frames=int(match["frames"] or 0),
        times=times,
        drop=drops_frames(codes["source_in"], rate),
    )
    for side in ("source", "record"):
        if entry.length(side) < 0:  # past midnight
            times[f"{side}_out"] += day_frames(rate, drop=drops_frames(codes[f"{side}_in"], rate))
        if entry.length(side) > MOST_LENGTH:
            fix = "correct its timecodes"
            raise ReadError(f"line {number}: the event ends before it starts", path=path, fix=fix)
    return entry


def _code(text: str, drop: bool) -> str:
    """The timecode in the form of ``shift_timecode``: two digits everywhere, and ; before the frames for drop frame."""
    hours, minutes, seconds, ticks = re.split("[:;.,]", text)
    mark = ";" if drop or text[-len(ticks) - 1] != ":" else ":"
    return f"{int(hours):02d}:{minutes}:{seconds}{mark}{int(ticks):02d}"


def _add_line(entries: list[_Entry], line: str, number: int, path: Path) -> None:
    """Add a line below an event to it: a comment, or the speed of its reel."""
    entry = entries[-1]
    if comment := _COMMENT.fullmatch(line[:4000]):
        entry.comments[comment["key"].upper()] = " ".join(comment["value"].split())
    elif re.match(r"\*\s*\*?\s*FREEZE FRAME", line, re.IGNORECASE):
        entry.freeze = True
    elif line.startswith("M2"):
        speed = _SPEED.fullmatch(line[:300])
        if speed is None:
            raise ReadError(
                f"line {number} is not an M2 speed of a CMX 3600 EDL", path=path, fix="export the cut again"
            )
        same = [one for one in entries if one.number == entry.number and one.reel.split() == speed["reel"].split()]
        (same or [entry])[-1].speed = Fraction(speed["speed"])


def _not_picture(entry: _Entry) -> str | None:
    """What the event is if it does not show a plate, else None."""
    if "V" not in entry.channels and not entry.channels.startswith("B"):
        return "sound events"
    return "black or bars" if entry.reel.upper() in _NO_PLATE else None


def _track(channels: str) -> str:
    """The picture track in the channels of an event: AA/V is V with sound, B is both."""
    found = re.search(r"V\d*", channels)
    return found[0] if found else "V"


def _extend_dissolves(picture: list[_Entry]) -> None:
    """Add to every event its frames that are visible while the next event dissolves or wipes in."""
    ends: dict[tuple[str, int], _Entry] = {}
    for entry in picture:
        place = _track(entry.channels), entry.times["record_in"]
        if entry.edit[0] in "DW" and place in ends:
            outgoing = ends[place]
            outgoing.after = max(outgoing.after, entry.frames)
        if entry.length("record") > 0:
            ends[_track(entry.channels), entry.times["record_out"]] = entry


def _event(entry: _Entry, path: Path, rate: Fraction) -> Event | str:
    """The event, or the reason why it cannot become a shot."""
    if entry.edit[0] == "K":
        return "it is a key over another event; write the shot files of both by hand"
    shown, length = entry.length("record"), entry.length("source")
    speed = Fraction(0) if entry.freeze else _speed(entry.speed, rate)
    if speed == 1 and shown != length:
        return f"its source has {length} frames, the cut {shown}, and no M2 line gives a speed; export the cut again"
    if shown == 0:
        return "it has no length in the cut; remove it"
    media = _media(entry, path)
    name = _name(entry)
    file = entry.comments.get("SOURCE FILE") or entry.comments.get("FROM FILE") or entry.comments.get("FROM CLIP")
    source = _stem(file or (name if name != str(entry.number) else entry.reel))
    event = Event(
        number=entry.number,
        track=_track(entry.channels),
        name=name,
        reel=entry.reel,
        source=source,
        rate=rate,
        start=entry.times["source_in"],
        length=shown,
        drop=entry.drop,
        after=entry.after,
        media=media,
    )
    return retimed(event, speed)


def _speed(frames: Fraction | None, rate: Fraction) -> Fraction:
    """Source frames for each frame of the cut; a whole percentage if the rounded number of an M2 line allows it."""
    if frames is None:
        return Fraction(1)
    for own in (Fraction(round(rate)), rate):
        whole = Fraction(round(frames / own * 100), 100)
        if abs(frames - whole * own) < Fraction(8, 100):
            return whole
    return frames / round(rate)


def _name(entry: _Entry) -> str:
    """The name of the clip; in a dissolve, of the clip that comes in."""
    to = entry.comments.get("TO CLIP NAME") if entry.edit[0] in "DW" else None
    return to or entry.comments.get("FROM CLIP NAME") or (entry.reel if entry.reel != "AX" else str(entry.number))


def _media(entry: _Entry, path: Path) -> Media | None:
    """The media, if a comment gives a path with a folder."""
    for key in ("FROM FILE", "FROM CLIP", "SOURCE FILE"):
        text = entry.comments.get(key, "")
        if "/" in text:
            return Media(path=media_path(text, path))
    return None


def _stem(name: str) -> str:
    """The name of a file without folder, suffix and frame numbers in brackets."""
    base = PureWindowsPath(name).name if "\\" in name else PurePosixPath(name).name
    return re.sub(r"[._-]?\[\d+-\d+\]", "", re.sub(r"\.[A-Za-z0-9]{1,5}$", "", base)) or base or name
