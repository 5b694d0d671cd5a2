"""The pictures of a preview: the page of panels for each frame, and the contact sheet of the faces."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vfxage.colour.display import Viewing
from vfxage.face.crop import CropPlan
from vfxage.publish import publish
from vfxage.render.job import Job
from vfxage.render.scene import Scene
from vfxage.types import F32, U8, FacePlace, Render, Window

SHEET_ROWS = 6
"""Frames on the contact sheet, evenly spread over the range."""

SHEET_TILE = 360
"""Pixels across one tile of the contact sheet."""

_STRIP = 30
_GREY = 128
_DELTA_GAIN = 2
"""The delta panel shows twice the difference on the display about mid-grey, so that small changes are seen."""
_PAPER = (24, 24, 24)
_TEXT, _TITLE = 16, 18
_VERSION = re.compile(r"(?:^|[._ -])([vV]\d{1,5})(?=$|[._ -])")
"""A version in the name of a file or folder, such as v002 in sh010_v002."""


def shot_and_version(job: Job) -> tuple[str, str]:
    """The name of the shot without its version, and the version in the name of its output or of a folder above it.

    The version is empty if no name has one.
    """
    found = _VERSION.search(job.name)
    if found:
        rest = job.name[: found.start()] + job.name[found.end() :]
        return rest.strip("._- ") or job.name, found[1]
    folders = (_VERSION.search(part) for part in reversed(job.folder.parts))
    return job.name, next((found[1] for found in folders if found), "")


class PreviewPage:
    """Each frame as one picture: plate, beauty, delta and matte; beside them close-ups of the shot's largest face.

    The strip at the top names shot, version, frame and ages.
    """

    def __init__(self, job: Job, scene: Scene, seen: Viewing) -> None:
        self.shot, self.version = shot_and_version(job)
        self.scene = scene
        self.seen = seen
        sizes = {face.name: _height(face.track.points) for face in scene.plan.faces}
        self.by_size = sorted(sizes, key=lambda name: -sizes[name])

    def pictures(self, render: Render) -> tuple[U8, U8, U8, U8]:
        """Plate, beauty, delta and matte as the display shows them."""
        plate, beauty = self.seen.show(render.frame.rgb), self.seen.show(render.beauty)
        return plate, beauty, displayed_delta(plate, beauty), _grey(render.matte)

    def draw(self, render: Render) -> U8:
        """The page of one frame: (30 + 2 H, 2 W + H, 3) for a plate of H by W pixels."""
        height, width = render.matte.shape
        page = Image.new("RGB", (2 * width + height, 2 * height + _STRIP), _PAPER)
        pen = ImageDraw.Draw(page)
        pictures = self.pictures(render)
        names = ("plate", "beauty", f"delta x{_DELTA_GAIN}, grey is none", "matte")
        for index, (name, pixels) in enumerate(zip(names, pictures, strict=True)):
            x, y = index % 2 * width, index // 2 * height + _STRIP
            page.paste(Image.fromarray(pixels), (x, y))
            _label(pen, (x + 8, y + 6), name, _TEXT)
        face = min(render.faces, key=lambda place: self.by_size.index(place.name), default=None)
        for row, name in enumerate(names[:2]):
            x, y = 2 * width, row * height + _STRIP
            if face is not None:
                page.paste(Image.fromarray(close_up(pictures[row], face, height)), (x, y))
            _label(pen, (x + 8, y + 6), f"{face.name}, {name}" if face else "no face", _TEXT)
        self._burn_in(pen, render.number, page.width)
        return np.asarray(page)

    def _burn_in(self, pen: ImageDraw.ImageDraw, number: int, width: int) -> None:
        """Write shot, version and frame on the left of the strip, and the ages on the right, where there is room."""
        left = "   ".join(filter(None, (self.shot, self.version, str(number))))
        pen.text((8, 5), left, font=_font(_TITLE), fill=(255, 255, 255))
        ages = ages_text(self.scene.plan, number)
        room = width - 32 - pen.textlength(left, font=_font(_TITLE))
        if pen.textlength(ages, font=_font(_TITLE)) > room:
            while ages and pen.textlength(f"{ages}...", font=_font(_TITLE)) > room:
                ages = ages[:-1]
            ages += "..."
        pen.text((width - 8, 5), ages, font=_font(_TITLE), fill=(255, 200, 90), anchor="ra")


def _height(points: F32) -> float:
    """Median height of a face over its track (T, N, 2), pixels."""
    return float(np.median(np.ptp(points[..., 1], axis=1)))


def close_up(picture: U8, face: FacePlace, side: int) -> U8:
    """The face's stabilised square of a picture (H, W, 3), ``side`` pixels wide; black outside the picture."""
    step = face.size / side
    middle = (step - 1) / 2  # the centre of the first pixel of the close-up, in pixels of the crop
    to_crop = np.array([[step, 0, middle], [0, step, middle], [0, 0, 1]])
    to_frame = np.asarray(face.to_frame) @ to_crop
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(picture, to_frame, (side, side), flags=flags), np.uint8)


def displayed_delta(plate: U8, beauty: U8) -> U8:
    """The delta as a picture: mid-grey is no change; differences on the display are shown ``_DELTA_GAIN`` times."""
    change = beauty.astype(np.int16) - plate.astype(np.int16)
    return np.clip(_GREY + _DELTA_GAIN * change, 0, 255).astype(np.uint8)


def _grey(matte: F32) -> U8:
    return np.repeat(np.rint(matte * 255).astype(np.uint8)[..., None], 3, axis=2)


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

    def __init__(self, page: PreviewPage, numbers: Sequence[int]) -> None:
        self.page = page
        last = len(numbers) - 1
        rows = min(SHEET_ROWS, len(numbers))
        self.wanted = frozenset(numbers[round(last * k / max(1, rows - 1))] for k in range(rows))
        self.rows: dict[int, list[U8]] = {}

    def look(self, render: Render) -> None:
        """Keep this frame's close-ups if it is one of the sheet's."""
        if render.number not in self.wanted:
            return
        pictures = self.page.pictures(render)
        boxes = [_close_up(layer.window, render.matte.shape) for layer in render.layers][:3]
        self.rows[render.number] = [
            np.hstack([_tile(picture, box) for picture in pictures]) for box in boxes or [_middle(render.matte.shape)]
        ]

    def save(self, path: Path) -> None:
        """Write the sheet as a PNG, complete or not at all."""
        rows = [(number, row) for number in sorted(self.rows) for row in self.rows[number]]
        page = Image.new("RGB", (4 * SHEET_TILE, _STRIP + len(rows) * SHEET_TILE), _PAPER)
        pen = ImageDraw.Draw(page)
        named = "   ".join(filter(None, (self.page.shot, self.page.version)))
        title = f"{named}   plate, beauty, delta x{_DELTA_GAIN}, matte"
        pen.text((8, 5), title, font=_font(_TITLE), fill="white")
        for index, (number, row) in enumerate(rows):
            y = _STRIP + index * SHEET_TILE
            page.paste(Image.fromarray(row), (0, y))
            _label(pen, (8, y + 6), f"{number}  {ages_text(self.page.scene.plan, number)}", 15)
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
