"""A shot shown fast and small: one MP4 of four panels, and a contact sheet of the faces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vfxage.ager import Ager
from vfxage.colour.space import Colour
from vfxage.comp.composite import WantedPasses
from vfxage.errors import OutputError
from vfxage.face.crop import CropPlan
from vfxage.face.track import Lost, Tracks
from vfxage.frames import Pattern
from vfxage.media.movie import write_h264
from vfxage.pool import ordered_map
from vfxage.progress import Advance, Progress
from vfxage.publish import publish
from vfxage.render.drawn import drawn_mattes, open_rotos
from vfxage.render.job import Job, check_writable
from vfxage.render.lost import find_lost, note_lost
from vfxage.render.pipeline import note_faces, render_frames
from vfxage.render.scene import Scene, stage_scene, study_faces, track_shot, with_handles
from vfxage.render.tracking import find_tracks, saved_tracks
from vfxage.shot import PointSelect
from vfxage.types import F32, U8, ArtistMattes, Frame, Render, Stencil, Window

PANEL_WIDTH, PANEL_HEIGHT = 960, 720
"""Largest panel, pixels; the movie is twice as wide and high."""

SHEET_ROWS = 6
"""Frames on the contact sheet, evenly spread over the range."""

SHEET_TILE = 360
"""Pixels across one tile of the contact sheet."""

_STRIP = 30
_GREY = 128
_DELTA_GAIN = 2
"""The delta panel shows twice the display-referred difference about mid-grey, so that small changes are seen."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """How plate pixels become preview pixels: square, within the largest panel."""

    width: int
    height: int
    scale: tuple[float, float]
    """Preview pixels per plate pixel, x and y."""

    @classmethod
    def of(
        cls, width: int, height: int, pixel_aspect: float, panel: tuple[int, int] = (PANEL_WIDTH, PANEL_HEIGHT)
    ) -> Proxy:
        """Fit a plate of this size into a panel (width, height), unsqueezed, with even sides (4:2:0 needs them)."""
        size = width * pixel_aspect, height
        scale = min(1.0, panel[0] / size[0], panel[1] / size[1])
        w, h = (max(2, round(side * scale / 2) * 2) for side in size)
        return cls(w, h, (w / width, h / height))

    def frame(self, frame: Frame, display: Window) -> Frame:
        """Shrink a frame's display window to the panel (area filter, linear light; no data is black)."""
        shown = frame.window.intersect(display)
        if frame.window == display:
            rgb = frame.rgb
        else:
            rgb = np.zeros((*display.shape, 3), np.float32)
            rgb[shown.slices(display)] = frame.rgb[shown.slices(frame.window)]
        finite = np.nan_to_num(rgb, nan=0.0, posinf=65504.0, neginf=0.0)
        small = cv2.resize(finite, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return Frame(number=frame.number, window=Window(0, 0, self.width, self.height), rgb=small.astype(np.float32))

    def mattes(self, painted: ArtistMattes, display: Window) -> ArtistMattes:
        """Shrink rotos and hold-outs; maps are of crops, whose size is the preview's own already."""
        faces = {face: tuple(self._stencil(s, display) for s in own) for face, own in painted.faces.items()}
        return replace(painted, whole=tuple(self._stencil(s, display) for s in painted.whole), faces=faces)

    def _stencil(self, stencil: Stencil, display: Window) -> Stencil:
        small = cv2.resize(stencil.over(display), (self.width, self.height), interpolation=cv2.INTER_AREA)
        window = Window(0, 0, self.width, self.height)
        return Stencil(window=window, values=np.asarray(small, np.float32), outside=stencil.outside)

    def tracks(self, tracks: Tracks) -> Tracks:
        """Scale every face's and hand's landmarks to the panel."""
        scale = np.array(self.scale, np.float32)
        faces = tuple(replace(face, points=face.points * scale) for face in tracks.faces)
        hands = tuple(
            replace(hand, points=hand.points * scale, motion=hand.motion * scale, size=hand.size * scale[1])
            for hand in tracks.hands
        )
        measures = {
            face: replace(one, extents={name: side * min(self.scale) for name, side in one.extents.items()})
            for face, one in tracks.measures.items()
        }
        found = tracks.found
        if found:
            found = replace(found, people=tuple(replace(one, points=one.points * scale) for one in found.people))
        return replace(tracks, faces=faces, hands=hands, measures=measures, found=found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The files of a finished preview."""

    movie: Path
    sheet: Path
    """The contact sheet."""
    lost: tuple[Lost, ...]
    """Faces that are lost on these frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewTarget:
    """Output path and settings of a preview."""

    movie: Path
    """The MP4; the contact sheet is a PNG beside it."""
    workers: int
    """Threads that call the ager."""


def preview_path(job: Job, asked: Path | None, *, overwrite: bool) -> Path:
    """Path of the preview: ``asked``, else ``<name>.preview.mp4`` beside the first output.

    Raises OutputError where it would replace the plate, an output, or (without ``overwrite``) any file but a preview.
    """
    movie = (asked or job.folder / f"{job.name}.preview.mp4").resolve()
    if movie.suffix != ".mp4":
        raise OutputError("a preview is an MP4", path=movie, fix="end its name in .mp4")
    for path in (movie, movie.with_suffix(".png")):
        taken = [job.clip.path, *(output.path for output in job.shot.outputs)]
        if any(Pattern.parse(path).overlaps(Pattern.parse(other)) for other in taken):
            raise OutputError("is the plate or an output of the shot", path=path, fix="choose another --out")
        if path.exists() and not (overwrite or path.stem.endswith(".preview")):
            raise OutputError("exists already", path=path, fix="choose another --out, or use --overwrite")
    check_writable(movie.parent)
    return movie


def preview_shot(job: Job, ager: Ager, numbers: Sequence[int], progress: Progress, target: PreviewTarget) -> Preview:
    """Render ``numbers`` small to an MP4 and a PNG beside it.

    Uses saved tracks if plate and settings have not changed. Otherwise it tracks only the range and
    ``tracking.margin`` frames each side, and saves nothing.
    """
    proxy = Proxy.of(job.clip.width, job.clip.height, job.clip.pixel_aspect)
    small = replace(job, clip=replace(job.clip, width=proxy.width, height=proxy.height, pixel_aspect=1.0))
    with open_rotos(job) as rotos:
        rotos.check(numbers)
        tracks = saved_tracks(job, progress) or _tracks_nearby(job, ager, numbers, progress)
        tracks = study_faces(job, tracks, ager, progress)
        scene = replace(stage_scene(small, proxy.tracks(tracks), ager), passes=WantedPasses(layers=True))
        note_faces(job, scene, tracks, progress)
        sheet = ContactSheet(job, scene, numbers)

        def draw(render: Render) -> tuple[int, U8]:
            sheet.look(render)
            return render.number, _panels(job, scene, render)

        with ExitStack() as stages, progress.stage("preview", len(numbers)) as advance:
            display = Window(0, 0, job.clip.width, job.clip.height)
            needed = with_handles(job.numbers, frozenset(numbers), scene.radius)
            plate = stages.enter_context(closing(job.reader.read(needed)))
            drawn = stages.enter_context(drawn_mattes(rotos, job, scene).read(numbers))
            frames = (proxy.frame(frame, display) for frame in plate)
            mattes = (proxy.mattes(item, display) for item in drawn)
            renders = render_frames(scene, frames, mattes, stages, workers=target.workers)
            pictures = stages.enter_context(ordered_map(draw, renders))
            write_h264(target.movie, _advancing(pictures, advance), job.clip.rate or Fraction(24))
    png = target.movie.with_suffix(".png")
    sheet.save(png)
    lost = find_lost(job, tracks, numbers)
    note_lost(lost, progress)
    return Preview(movie=target.movie, sheet=png, lost=lost)


def _advancing(pictures: Iterable[tuple[int, U8]], advance: Advance) -> Iterator[U8]:
    for number, picture in pictures:
        yield picture
        advance(number)


def _tracks_nearby(job: Job, ager: Ager, numbers: Sequence[int], progress: Progress) -> Tracks:
    """Track the range and its margin; the whole shot where a face is named by a point elsewhere in it."""
    near = with_handles(job.numbers, frozenset(numbers), job.shot.tracking.margin)
    for face in job.shot.faces:
        if isinstance(face.select, PointSelect) and face.select.frame not in near:
            progress.note(
                f"face {face.name!r} is named by a point on frame {face.select.frame}: tracking the whole shot"
            )
            return track_shot(job, ager, progress)
    return find_tracks(job, near, progress)


def display_delta(render: Render, colour: Colour) -> U8:
    """The delta as a picture: mid-grey is no change; sRGB differences are shown ``_DELTA_GAIN`` times."""
    plate = colour.to_sdr8(render.frame.rgb).astype(np.int16)
    beauty = colour.to_sdr8(render.beauty).astype(np.int16)
    return np.clip(_GREY + _DELTA_GAIN * (beauty - plate), 0, 255).astype(np.uint8)


def _grey(matte: F32) -> U8:
    return np.repeat(np.rint(matte * 255).astype(np.uint8)[..., None], 3, axis=2)


def _panels(job: Job, scene: Scene, render: Render) -> U8:
    panels = (
        ("plate", scene.colour.to_sdr8(render.frame.rgb)),
        ("beauty", scene.colour.to_sdr8(render.beauty)),
        (f"delta x{_DELTA_GAIN}, grey is none", display_delta(render, scene.colour)),
        ("matte", _grey(render.matte)),
    )
    height, width = render.matte.shape
    page = Image.new("RGB", (2 * width, 2 * height + _STRIP), (24, 24, 24))
    pen = ImageDraw.Draw(page)
    for index, (name, pixels) in enumerate(panels):
        x, y = index % 2 * width, index // 2 * height + _STRIP
        page.paste(Image.fromarray(pixels), (x, y))
        _label(pen, (x + 8, y + 6), name, 16)
    pen.text((8, 5), f"{job.name}   {render.number}", font=_font(18), fill=(255, 255, 255))
    pen.text((2 * width - 8, 5), ages_text(scene.plan, render.number), font=_font(18), fill=(255, 200, 90), anchor="ra")
    return np.asarray(page)


def ages_text(plan: CropPlan, number: int) -> str:
    """Each face's ages on this frame: ``lead 40 to 57 years``."""
    faces = []
    for face in plan.faces:
        source, target = face.ages_at(number)
        faces.append(f"{face.name} {source:.0f} to {target:.0f}")
    return "   ".join(faces) + (" years" if faces else "no face")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _label(pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int) -> None:
    pen.text(at, text, font=_font(size), fill=(255, 255, 255), stroke_width=2, stroke_fill=(0, 0, 0))


class ContactSheet:
    """Close-ups of each face on a few frames: plate, beauty, delta, matte side by side, with frame and ages."""

    def __init__(self, job: Job, scene: Scene, numbers: Sequence[int]) -> None:
        self.name = job.name
        self.scene = scene
        last = len(numbers) - 1
        rows = min(SHEET_ROWS, len(numbers))
        self.wanted = frozenset(numbers[round(last * k / max(1, rows - 1))] for k in range(rows))
        self.rows: dict[int, list[U8]] = {}

    def look(self, render: Render) -> None:
        """Keep this frame's close-ups if it is one of the sheet's."""
        if render.number not in self.wanted:
            return
        pictures = (
            self.scene.colour.to_sdr8(render.frame.rgb),
            self.scene.colour.to_sdr8(render.beauty),
            display_delta(render, self.scene.colour),
            _grey(render.matte),
        )
        boxes = [_close_up(layer.window, render.matte.shape) for layer in render.layers][:3]
        self.rows[render.number] = [
            np.hstack([_tile(picture, box) for picture in pictures]) for box in boxes or [_middle(render.matte.shape)]
        ]

    def save(self, path: Path) -> None:
        """Write the sheet as a PNG, complete or not at all."""
        rows = [(number, row) for number in sorted(self.rows) for row in self.rows[number]]
        page = Image.new("RGB", (4 * SHEET_TILE, _STRIP + len(rows) * SHEET_TILE), (24, 24, 24))
        pen = ImageDraw.Draw(page)
        pen.text((8, 5), f"{self.name}   plate, beauty, delta x{_DELTA_GAIN}, matte", font=_font(18), fill="white")
        for index, (number, row) in enumerate(rows):
            y = _STRIP + index * SHEET_TILE
            page.paste(Image.fromarray(row), (0, y))
            _label(pen, (8, y + 6), f"{number}  {ages_text(self.scene.plan, number)}", 15)
        with publish(path) as partial:
            page.save(partial, format="PNG")


def _close_up(window: Window, shape: tuple[int, ...]) -> Window:
    side = min(round(1.4 * max(window.width, window.height)), shape[0], shape[1])
    x = min(max(window.x + (window.width - side) // 2, 0), shape[1] - side)
    y = min(max(window.y + (window.height - side) // 2, 0), shape[0] - side)
    return Window(x, y, side, side)


def _middle(shape: tuple[int, ...]) -> Window:
    side = min(shape)
    return Window((shape[1] - side) // 2, (shape[0] - side) // 2, side, side)


def _tile(picture: U8, box: Window) -> U8:
    part = picture[box.y : box.y + box.height, box.x : box.x + box.width]
    bigger = cv2.INTER_CUBIC if box.width < SHEET_TILE else cv2.INTER_AREA
    return np.asarray(cv2.resize(part, (SHEET_TILE, SHEET_TILE), interpolation=bigger), np.uint8)
