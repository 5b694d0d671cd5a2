"""Places a frame's data window on its display window, for formats without windows."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vfxage.types import Window

T = TypeVar("T", np.float32, np.uint8, np.uint16)


def on_display(image: NDArray[T], window: Window, size: tuple[int, int]) -> NDArray[T]:
    """The image (h, w, ...) that covers ``window`` on a display window of ``size`` (height, width), zero around it."""
    display = Window(0, 0, size[1], size[0])
    if window == display:
        return image
    canvas = np.zeros((*size, *image.shape[2:]), image.dtype)
    shared = window.intersect(display)
    if not shared.empty:
        canvas[shared.slices(display)] = image[shared.slices(window)]
    return canvas
