"""The tracking canvas: every frame of a shot is painted on one fixed canvas with square pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from vfxage.types import F32, U8, ClipInfo, Frame, Window

_SQUARE_ENOUGH = 0.02


class ToSdr8(Protocol):
    """The part of a plate's colour that tracking uses."""

    def to_sdr8(self, rgb: F32) -> U8:
        """(H, W, 3) scene-linear to display-referred 8-bit sRGB."""
        ...


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

    def picture(self, frame: Frame, colour: ToSdr8) -> U8:
        """The frame as sRGB (H, W, 3) over the whole canvas; black where it has no data."""
        import cv2

        picture = self._painted(frame, colour)
        if self.stretch != 1:
            size = max(1, round(self.window.width * self.stretch)), self.window.height
            picture = np.asarray(cv2.resize(picture, size), np.uint8)
        return picture

    def _painted(self, frame: Frame, colour: ToSdr8) -> U8:
        if frame.window == self.window:
            return np.ascontiguousarray(colour.to_sdr8(frame.rgb))
        picture = np.zeros((*self.window.shape, 3), np.uint8)
        seen = frame.window.intersect(self.window)
        if not seen.empty:
            part = np.ascontiguousarray(frame.rgb[seen.slices(frame.window)])
            picture[seen.slices(self.window)] = colour.to_sdr8(part)
        return picture

    def to_display(self, points: F32) -> F32:
        """Move (..., 2) points of the picture to display-window pixels."""
        scale = np.array([self.stretch, 1], np.float32)
        return np.asarray(points / scale + np.array([self.window.x, self.window.y], np.float32), np.float32)

    def to_picture(self, points: F32) -> F32:
        """Move (..., 2) display-window points to pixels of the picture."""
        scale = np.array([self.stretch, 1], np.float32)
        return np.asarray((points - np.array([self.window.x, self.window.y], np.float32)) * scale, np.float32)
