"""Where a crop shows hair of the head and beard: a small U-Net (Ronneberger et al. 2015), run by OpenCV on the CPU.

It sees the crop, the matte of the person and the face's outline. ``python -m tools.hair_network`` trains it. It is
shipped as ``vfxage/ager/data/hair.onnx``, with its sources beside it.
"""

from __future__ import annotations

import hashlib
import threading
from importlib import resources

import cv2
import numpy as np

from vfxage.geometry import OVAL
from vfxage.types import F32

SIDE = 160
"""Side of the square that the network sees and answers, pixels."""
_MIDDLE, _SCALE = 0.45, 2.0
"""Display-referred colour that the network sees as 0, and the factor on colours."""
_SUBPIXEL = 4
"""Fractional bits of the outline's corners, so that a slow movement does not jump."""


class HairNetwork:
    """The network; it is read at the first crop. Thread-safe: one crop at a time."""

    def __init__(self) -> None:
        """Read the file's bytes for the fingerprint."""
        self._bytes = resources.files("vfxage.ager").joinpath("data/hair.onnx").read_bytes()
        self.fingerprint = hashlib.sha256(self._bytes).hexdigest()
        self._lock = threading.Lock()
        self._network: cv2.dnn.Net | None = None

    def __call__(self, rgb: F32, person: F32, points: F32) -> tuple[F32, F32]:
        """(SIDE, SIDE) 0..1, twice: hair of the head, and beard.

        ``rgb`` (S, S, 3) is display-referred sRGB, ``person`` (S, S) the matte of the person, 0..1, and ``points``
        (478, 2) the landmarks, pixels of the crop.
        """
        planes = network_input(rgb, person, points)
        with self._lock:
            if self._network is None:
                self._network = cv2.dnn.readNetFromONNX(np.frombuffer(self._bytes, np.uint8))
            self._network.setInput(planes[None])
            logits = np.array(self._network.forward()[0], np.float32)
        hair, beard = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
        return np.ascontiguousarray(hair, np.float32), np.ascontiguousarray(beard, np.float32)


def network_input(rgb: F32, person: F32, points: F32) -> F32:
    """(5, SIDE, SIDE): the three colours, the matte of the person, and the inside of the face's outline."""
    colours, matte = (
        np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32) for image in (rgb, person)
    )
    face = outline(points * np.float32(SIDE / len(rgb)))
    planes = [*np.moveaxis(_SCALE * (np.clip(colours, 0, 1) - _MIDDLE), 2, 0), matte - 0.5, face - 0.5]
    return np.ascontiguousarray(planes, np.float32)


def outline(points: F32) -> F32:
    """(SIDE, SIDE) 0..1: the inside of the face's outline, by landmarks (478, 2) in pixels of this square."""
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    corners = np.round(np.clip(points[OVAL], -4 * SIDE, 5 * SIDE) * 2**_SUBPIXEL).astype(np.int32)
    cv2.fillPoly(drawn, [corners], (255,), cv2.LINE_AA, _SUBPIXEL)
    return drawn.astype(np.float32) / 255


__all__ = ["SIDE", "HairNetwork", "network_input", "outline"]
