"""Cuts and plates for the tests: timelines made with OpenTimelineIO itself, timecode counted label by label."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

from tests.media.exr_files import ramp, save, timecode

TEMPLATE = "source_age: 40\ntarget_age: 60\noutputs:\n- {path: 'out/{name}.%04d.exr'}\n"
NDF = Fraction(30000, 1001)


def span(start: float, length: float, rate: float = 24) -> TimeRange:
    return TimeRange(RationalTime(start, rate), RationalTime(length, rate))


def clip(
    name: str, start: float, length: float, rate: float = 24, media: object = None, **keys: object
) -> otio.schema.Clip:
    return otio.schema.Clip(name, media_reference=media, source_range=span(start, length, rate), **keys)


def timeline(*items: object) -> otio.schema.Timeline:
    made = otio.schema.Timeline("cut")
    track = otio.schema.Track("V1", kind=otio.schema.TrackKind.Video)
    track.extend(items)
    made.tracks.append(track)
    return made


def save_cut(path: Path, *items: object) -> Path:
    path.write_text(timeline(*items).to_json_string())
    return path


def plate(folder: Path, first: int, last: int, code: str | None = None, name: str = "A001") -> Path:
    """A sequence of one tiny picture, ``code`` in its header; its pattern."""
    header = {}
    if code is not None:
        header["timeCode"] = timecode(
            int(code[:2]), int(code[3:5]), int(code[6:8]), int(code[9:11]), drop=code[8] == ";"
        )
    one = save(folder / f"{name}.{first:04d}.exr", {"RGB": ramp(4, 4)}, **header)
    for number in range(first + 1, last + 1):
        shutil.copy(one, folder / f"{name}.{number:04d}.exr")
    return folder / f"{name}.%04d.exr"


def labels(nominal: int, drop: int = 0) -> Iterator[str]:
    """Every timecode of a day, frame by frame, as SMPTE ST 12 has it: minutes but every tenth begin at ``drop``."""
    for minute in range(24 * 60):
        for tick in range(drop if minute % 10 else 0, 60 * nominal):
            second, frame = divmod(tick, nominal)
            yield f"{minute // 60:02d}:{minute % 60:02d}:{second:02d}{';' if drop else ':'}{frame:02d}"
