"""The tracking canvas: every frame of a shot is painted on one fixed canvas with square pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vfxage.arrays import ArrayData, shaped
from vfxage.colour.curves import LUMA_709, half_srgb8_table
from vfxage.types import F32, U8, ClipInfo, Frame, Window

F16 = NDArray[np.float16]

_SQUARE_ENOUGH = 0.02
_BRIGHTEST = 65504.0
"""The largest half float."""
_INNER = 0.3
"""The light of a face is measured up to this part of its size from its middle: skin, in most poses."""
_HIGHLIGHTS = 95
"""Percentile of a face's light above which pixels are not measured: a lamp or a broken pixel is not skin."""
_MEASURED = 4096
"""Pixels that are enough to know the light of a face."""


class ToLight(Protocol):
    """The part of a plate's colour that tracking uses."""

    def to_709(self, rgb: F32) -> F32:
        """(H, W, 3) scene-linear to linear Rec.709 light with diffuse white at 1, finite."""
        ...


class Picture:
    """One frame on the tracking canvas, at any exposure.

    The light is kept as half floats. They hold 30 stops, so that a face is seen well however bright the rest is.
    """

    __slots__ = ("_exposed", "_light")

    def __init__(self, light: F32) -> None:
        """Keep linear Rec.709 light (H, W, 3), finite, diffuse white at 1; below 0 is black."""
        import cv2

        self._light: F16 = cv2.convertFp16(np.clip(light, 0, _BRIGHTEST).reshape(len(light), -1)).view(np.float16)
        self._light = self._light.reshape(light.shape)
        self._exposed: dict[int, U8] = {}

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self._light.shape[0], self._light.shape[1]

    def at(self, stops: int) -> U8:
        """(H, W, 3) 8-bit sRGB of the light raised by ``stops``; made once."""
        if stops not in self._exposed:
            self._exposed[stops] = half_srgb8_table(stops).take(self._light.view(np.uint16))
        return self._exposed[stops]

    def cut(self, box: Window, stops: int) -> U8:
        """(height, width, 3) the part of ``at`` within a box inside the picture."""
        return self.at(stops)[box.slices(Window(0, 0, *self.shape[::-1]))]

    def whole_light(self) -> F32:
        """(H, W, 3) the linear light."""
        import cv2

        flat = self._light.reshape(len(self._light), -1).view(np.int16)
        return np.asarray(cv2.convertFp16(flat), np.float32).reshape(self._light.shape)

    def thinned_luminance(self, step: int) -> F32:
        """(h, w) luminance of every ``step``-th pixel of every ``step``-th row."""
        return np.asarray(self._light[::step, ::step].astype(np.float32) @ LUMA_709, np.float32)

    def face_light(self, points: F32) -> float:
        """Mean luminance about the middle of a face with these ``points`` (478, 2); NaN outside the picture.

        It is a mean and not a median, so that it changes smoothly where one half of a face is in shadow.
        """
        low, high = points.min(0), points.max(0)
        middle, reach = (low + high) / 2, _INNER * float((high - low).max())
        size = np.array(self.shape[::-1])
        x0, y0 = np.clip(np.floor(middle - reach), 0, size).astype(int)
        x1, y1 = np.clip(np.ceil(middle + reach), 0, size).astype(int)
        if x1 <= x0 or y1 <= y0:
            return float("nan")
        step = max(1, int(np.sqrt((x1 - x0) * (y1 - y0) / _MEASURED)))
        light = self._light[y0:y1:step, x0:x1:step].astype(np.float32) @ LUMA_709
        return float(light[light <= np.percentile(light, _HIGHLIGHTS)].mean())


@dataclass(frozen=True, slots=True, repr=False)
class Cutout(ArrayData):
    """A part of a picture at one exposure, which is kept when the picture itself is gone."""

    shape: tuple[int, int]
    """Height and width of the whole picture."""
    window: Window
    """Where the part is in it."""
    stops: int
    part: U8 = field(metadata=shaped("h", "w", 3, dtype=np.uint8))
    """(h, w, 3) 8-bit sRGB."""

    @classmethod
    def of(cls, picture: Picture, window: Window, stops: int) -> Cutout:
        """The part of a picture within ``window``, at the exposure of ``stops``."""
        return cls(picture.shape, window, stops, picture.cut(window, stops).copy())

    def cut(self, box: Window, stops: int) -> U8:
        """(height, width, 3) the picture within a box, black where it is not kept. ``stops`` is the exposure it has."""
        assert stops == self.stops, f"the cutout has {self.stops} stops, not {stops}"
        image = np.zeros((*box.shape, 3), np.uint8)
        shared = box.intersect(self.window)
        if not shared.empty:
            image[shared.slices(box)] = self.part[shared.slices(self.window)]
        return image


@dataclass(frozen=True, slots=True)
class Canvas:
    """The tracked area of a shot: the same for every frame, even if the data window moves."""

    window: Window
    """Display-window pixels."""
    stretch: float
    """Width of a picture's pixel, so that faces are upright ovals; 1 for pixels that are nearly square."""

    @classmethod
    def of(cls, clip: ClipInfo) -> Canvas:
        """The display window together with the first frame's data window, whatever part of the clip is read."""
        x0 = y0 = 0
        x1, y1 = clip.width, clip.height
        data = clip.data_window
        if data is not None and not data.empty:
            x0, y0 = min(x0, data.x), min(y0, data.y)
            x1, y1 = max(x1, data.x + data.width), max(y1, data.y + data.height)
        stretch = clip.pixel_aspect if abs(clip.pixel_aspect - 1) > _SQUARE_ENOUGH else 1.0
        return cls(Window(x0, y0, x1 - x0, y1 - y0), stretch)

    def picture(self, frame: Frame, colour: ToLight) -> Picture:
        """The frame over the whole canvas; black where it has no data."""
        import cv2

        light = self._painted(frame, colour)
        if self.stretch != 1:
            size = max(1, round(self.window.width * self.stretch)), self.window.height
            light = np.asarray(cv2.resize(light, size), np.float32)
        return Picture(light)

    def _painted(self, frame: Frame, colour: ToLight) -> F32:
        if frame.window == self.window:
            return colour.to_709(frame.rgb)
        light = np.zeros((*self.window.shape, 3), np.float32)
        seen = frame.window.intersect(self.window)
        if not seen.empty:
            part = np.ascontiguousarray(frame.rgb[seen.slices(frame.window)])
            light[seen.slices(self.window)] = colour.to_709(part)
        return light

    def to_display(self, points: F32) -> F32:
        """Move (..., 2) points of the picture to display-window pixels."""
        scale = np.array([self.stretch, 1], np.float32)
        return np.asarray(points / scale + np.array([self.window.x, self.window.y], np.float32), np.float32)

    def to_picture(self, points: F32) -> F32:
        """Move (..., 2) display-window points to pixels of the picture."""
        scale = np.array([self.stretch, 1], np.float32)
        return np.asarray((points - np.array([self.window.x, self.window.y], np.float32)) * scale, np.float32)
