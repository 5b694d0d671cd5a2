"""The contact sheet of a tracked shot: plate frames with the outline, the name and the track number of every face."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from vfxage.errors import OutputError
from vfxage.face.track import Lost, Tracks, taken_by
from vfxage.frames import FrameRange, Pattern
from vfxage.geometry import OVAL
from vfxage.progress import Progress
from vfxage.publish import check_writable, publish
from vfxage.render.job import Job
from vfxage.render.proxy import Proxy
from vfxage.types import Frame, Window

COLUMNS, TILE = 4, (480, 360)
"""Tiles side by side, and the largest tile, pixels: a sheet is 1920 pixels wide for a usual plate."""
LEAST, MOST = 12, 24
"""A sheet shows this many frames, if the shot has them: more than the least where faces come, go or are lost."""

_STRIP = 26
"""Height of a line of text, pixels."""
_MARGIN = 6
_TEXT = 16
_COLOURS = ((90, 220, 255), (255, 190, 60), (120, 255, 120), (255, 120, 220), (240, 240, 90), (170, 150, 255))
"""Colours of tracks, told apart on skin and in the dark; they repeat after the last."""
_LOST = (255, 110, 90)
_PAPER = (24, 24, 24)
_MARK = ("Software", "vfxage track --sheet")
"""The text in the PNG that says who wrote it, so that a sheet may replace an older one, and no other picture."""


def sheet_path(job: Job, asked: str) -> Path:
    """Path of the sheet: ``asked``, else ``<name>.tracks.png`` beside the tracks.

    Raises OutputError where it would replace the plate, an output, or any file but a sheet.
    """
    path = Path(asked).absolute() if asked else job.tracks_path.with_suffix(".png").absolute()
    if path.suffix.lower() != ".png":
        raise OutputError("a contact sheet is a PNG", path=path, fix="end its name in .png")
    taken = [job.clip.path, *(output.path for output in job.shot.outputs)]
    if any(Pattern.parse(path).overlaps(Pattern.parse(other)) for other in taken):
        raise OutputError("is the plate or an output of the shot", path=path, fix="choose another path for --sheet")
    if path.exists() and not _is_sheet(path):
        raise OutputError("exists already and is no contact sheet", path=path, fix="choose another path for --sheet")
    check_writable(path.parent)
    return path


def _is_sheet(path: Path) -> bool:
    try:
        with Image.open(path) as picture:
            return picture.info.get(_MARK[0]) == _MARK[1]
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


def sheet_frames(tracks: Tracks, lost: Sequence[Lost]) -> list[int]:
    """The frames of the sheet: where takes begin, where faces come and go, in the middle of every loss, and between."""
    numbers = tracks.numbers
    wanted = {numbers[0], numbers[-1], *tracks.cuts}
    for track in tracks.faces:
        wanted |= {int(track.numbers[0]), int(track.numbers[-1])}
    for one in lost:
        if one.why != "not taken":
            wanted.add(one.numbers[len(one.numbers) // 2])
    chosen = _spread(sorted(wanted), MOST)
    for number in _spread(numbers, LEAST):
        if len(chosen) < LEAST and number not in chosen:
            chosen.append(number)
    return sorted(chosen)


def _spread(numbers: Sequence[int], most: int) -> list[int]:
    """At most this many of the numbers, evenly spread, with both ends."""
    places = np.unique(np.linspace(0, len(numbers) - 1, min(most, len(numbers))).round().astype(int))
    return [numbers[place] for place in places]


def save_track_sheet(job: Job, tracks: Tracks, lost: Sequence[Lost], path: Path, progress: Progress) -> None:
    """Write the sheet as a PNG, complete or not at all. Raises ReadError for a plate frame, WriteError."""
    frames = sheet_frames(tracks, lost)
    proxy = Proxy.of(job.clip.width, job.clip.height, job.clip.pixel_aspect, TILE)
    legend = list(_legend(job, tracks, lost))
    top = len(legend) * _STRIP + 2 * _MARGIN
    rows = -(-len(frames) // COLUMNS)
    columns = min(COLUMNS, len(frames))
    cell = proxy.width + _MARGIN, proxy.height + _STRIP + _MARGIN
    page = Image.new("RGB", (max(columns * cell[0], TILE[0]) + _MARGIN, top + rows * cell[1]), _PAPER)
    pen = ImageDraw.Draw(page)
    for line, (text, colour) in enumerate(legend):
        pen.text((_MARGIN, _MARGIN + line * _STRIP), text, font=_font(), fill=colour)
    with progress.stage("sheet", len(frames)) as advance, closing(job.reader.read(frames)) as plate:
        for place, frame in enumerate(plate):
            at = _MARGIN + place % COLUMNS * cell[0], top + place // COLUMNS * cell[1]
            page.paste(_tile(job, proxy, tracks, frame), at)
            _caption(pen, (at[0], at[1] + proxy.height), frame.number, lost)
            advance(frame.number)
    mark = PngImagePlugin.PngInfo()
    mark.add_text(*_MARK)
    with publish(path) as partial:
        page.save(partial, format="PNG", pnginfo=mark)


def _legend(job: Job, tracks: Tracks, lost: Sequence[Lost]) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """The lines above the tiles, each with its colour: the shot, every track, every loss."""
    yield f"{job.name}   frames {FrameRange(tracks.numbers)}", (255, 255, 255)
    takers = taken_by(tracks, job.shot.faces)
    for track in tracks.faces:
        frames = FrameRange(tuple(track.numbers.tolist()))
        yield f"{_name(track.face, takers)}   frames {frames}", _colour(track.face)
    for one in lost:
        yield str(one), _LOST


def _name(track: int, takers: Mapping[int, str]) -> str:
    """The number of a track, and the face of the shot that takes it."""
    return f"track {track}: {takers.get(track, 'not selected')}"


def _colour(track: int) -> tuple[int, int, int]:
    return _COLOURS[track % len(_COLOURS)]


def _tile(job: Job, proxy: Proxy, tracks: Tracks, frame: Frame) -> Image.Image:
    """One plate frame, small, with the outlines of its faces."""
    small = proxy.frame(frame, Window(0, 0, job.clip.width, job.clip.height))
    picture = Image.fromarray(job.colour.to_sdr8(small.rgb))
    pen = ImageDraw.Draw(picture)
    takers = taken_by(tracks, job.shot.faces)
    for track in tracks.faces:
        for points in track.points[track.numbers == frame.number]:
            outline = [(float(x), float(y)) for x, y in points[OVAL] * np.array(proxy.scale)]
            outline.append(outline[0])
            pen.line(outline, fill=(0, 0, 0), width=4, joint="curve")
            pen.line(outline, fill=_colour(track.face), width=2, joint="curve")
            _label(pen, outline, _name(track.face, takers), _colour(track.face))
    return picture


def _label(
    pen: ImageDraw.ImageDraw, outline: Sequence[tuple[float, float]], text: str, colour: tuple[int, int, int]
) -> None:
    """Write above a face, else below it, inside the picture."""
    width, height = pen.im.size
    left, _, right, bottom = pen.textbbox((0, 0), text, font=_font())
    xs, ys = zip(*outline, strict=True)
    x = min(max(2.0, (min(xs) + max(xs) - right + left) / 2), max(2.0, width - right - 2))
    above = min(ys) - bottom - 4
    y = above if above >= 2 else min(max(ys) + 4, height - bottom - 2)
    pen.text((x, y), text, font=_font(), fill=colour, stroke_width=1, stroke_fill=(0, 0, 0))


def _caption(pen: ImageDraw.ImageDraw, at: tuple[int, int], number: int, lost: Sequence[Lost]) -> None:
    """The frame number under a tile, and the faces that are lost on the frame."""
    text = f"frame {number}"
    pen.text((at[0] + 2, at[1] + 3), text, font=_font(), fill=(255, 255, 255))
    gone = [one.face for one in lost if one.why != "not taken" and number in one.numbers]
    if gone:
        left = at[0] + pen.textlength(f"{text}   ", font=_font())
        pen.text((left, at[1] + 3), f"not found: {', '.join(gone)}", font=_font(), fill=_LOST)


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(_TEXT)
