"""Decoded pictures kept in memory up to a limit, and windows cut out of them."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from vfxage.ager.skin_level import SKIN, skin_colour
from vfxage.geometry import crop_transform, face_matte, invert, map_points, turn_matrix, warp_to_crop
from vfxage.lab.portraits import Portrait, read_portrait
from vfxage.types import F32, F64, U8, Framing, Window

WEIGHT_STEP = 4
"""The face's weight is kept at a quarter of the picture's size: it is smooth."""
_SOFT = 0.15
"""Width of the rise of the face's weight, in heights of the face."""


@dataclass(frozen=True, slots=True)
class View:
    """Which part of a picture an example shows."""

    centre: tuple[float, float]
    """x and y, shares of the side."""
    side: float
    """Side of the window, as a share of the picture's side."""
    roll: float
    """Degrees."""
    flip: bool

    def matrix(self, picture: int, size: int) -> F64:
        """(2, 3): output pixels to picture pixels, continuous coordinates."""
        scale = self.side * picture / size
        cosine, sine = scale * math.cos(math.radians(self.roll)), scale * math.sin(math.radians(self.roll))
        across = turn_matrix(cosine, sine)
        if self.flip:
            across[:, 0] *= -1
        middle = np.array(self.centre) * picture
        return np.column_stack([across, middle - across @ [size / 2, size / 2]])


class Pictures:
    """Portraits as square uint8 pictures of one size, decoded again if memory was too small. Thread-safe."""

    def __init__(self, side: int, framing: Framing, memory: float) -> None:
        self.side = side
        self._framing = framing
        self._room = int(memory)
        self._held: OrderedDict[tuple[str, Path], U8] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def picture(self, portrait: Portrait, framing: str, base: Portrait) -> U8:
        """(side, side, 3) uint8 sRGB, in the square of ``base``'s face where ``framing`` is "face".

        Raises ReadError if the file is gone.
        """
        key = "rgb", portrait.path
        held = self._get(key)
        return self._keep(key, self._decode(portrait, framing, base)) if held is None else held

    def weight(self, framing: str, base: Portrait) -> U8:
        """(side / 4, side / 4) uint8: 255 on the face, 0 outside; 255 everywhere if the face is unknown."""
        key = "weight", base.path
        held = self._get(key)
        if held is not None:
            return held
        size = self.side // WEIGHT_STEP
        points = self._points(framing, base, size)
        if points is None:
            return self._keep(key, np.full((size, size), 255, np.uint8))
        matte = face_matte(points, size, "head", _SOFT)
        return self._keep(key, np.asarray(np.round(matte * 255), np.uint8))

    def skin(self, portrait: Portrait, framing: str, base: Portrait) -> U8:
        """(3,) uint8 sRGB: the colour of the skin; ``SKIN`` if the face is unknown. Raises ReadError."""
        key = "skin", portrait.path
        held = self._get(key)
        if held is not None:
            return held
        points = self._points(framing, base, self.side)
        rgb = self.picture(portrait, framing, base).astype(np.float32) / np.float32(255)
        return self._keep(key, _bytes(SKIN if points is None else skin_colour(rgb, points)))

    def landmarks(self, framing: str, base: Portrait) -> F32 | None:
        """The landmarks (478, 2) of ``base`` as shares of its square; None if the face is unknown."""
        points = self._points(framing, base, self.side)
        return None if points is None else points / np.float32(self.side)

    def _points(self, framing: str, base: Portrait, size: int) -> F32 | None:
        """The landmarks of ``base`` in a square of ``size`` pixels; None if the face is unknown."""
        if base.points is None:
            return None
        scale = size / base.size[0]
        to_square = np.array([[scale, 0, 0], [0, scale, 0]])
        if framing == "face":
            to_square = invert(crop_transform(base.points, self._framing, size))
        return map_points(base.points, to_square).astype(np.float32)

    def _decode(self, portrait: Portrait, framing: str, base: Portrait) -> U8:
        rgb = read_portrait(portrait)
        if framing == "face":
            assert base.points is not None
            to_frame = crop_transform(base.points, self._framing, self.side)
        else:
            to_frame = np.array([[rgb.shape[1] / self.side, 0, 0], [0, rgb.shape[0] / self.side, 0]])
        if framing != "face" and rgb.shape[:2] == (self.side, self.side):
            return _bytes(rgb)
        return _bytes(warp_to_crop(rgb, Window(0, 0, rgb.shape[1], rgb.shape[0]), to_frame, self.side))

    def _get(self, key: tuple[str, Path]) -> U8 | None:
        with self._lock:
            held = self._held.get(key)
            if held is not None:
                self._held.move_to_end(key)
            return held

    def _keep(self, key: tuple[str, Path], value: U8) -> U8:
        with self._lock:
            if key not in self._held:
                self._held[key] = value
                self._bytes += value.nbytes
            while self._bytes > self._room and len(self._held) > 1:
                self._bytes -= self._held.popitem(last=False)[1].nbytes
        return value


def _bytes(rgb: F32) -> U8:
    return np.asarray(np.round(np.clip(rgb, 0, 1) * 255), np.uint8)


def cut(picture: U8, view: View, size: int) -> U8:
    """The view of a picture, (size, size) or (size, size, 3) uint8, antialiased; beyond its edge the edge is repeated.

    OpenCV on bytes: twenty times as fast as the renderer's warp, and both pictures of a pair go the same way.
    """
    matrix = view.matrix(picture.shape[0], size)
    scale = view.side * picture.shape[0] / size
    if scale > 1.2:
        sigma = 0.4 * math.sqrt(scale**2 - 1)
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)
    across = matrix[:, :2]
    start = across @ [0.5, 0.5] + matrix[:, 2] - 0.5
    how = (cv2.INTER_LINEAR if scale > 1.2 else cv2.INTER_CUBIC) | cv2.WARP_INVERSE_MAP
    out = cv2.warpAffine(
        picture, np.column_stack([across, start]), (size, size), flags=how, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(out, np.uint8)
