"""Where live pictures go: a window, a recording, a virtual camera."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from vfxage.errors import InstallError, ShotError
from vfxage.live.view import Controls
from vfxage.media.movie import write_h264
from vfxage.pool import fed
from vfxage.types import U8

TITLE = "vfxage live"
_KEYS = {27: "escape", 0x260000: "up", 0x280000: "down", 0x250000: "left", 0x270000: "right"}
_KEYS |= {0xFF52: "up", 0xFF54: "down", 0xFF51: "left", 0xFF53: "right"}
_KEYS |= {63232: "up", 63233: "down", 63234: "left", 63235: "right"}
"""Codes of keys by OpenCV: of Windows, of X11, of macOS."""
_WAITING = 64
"""Pictures that may wait for the encoder of a recording."""
_TRY_S = 20
_TRY = "import cv2; cv2.namedWindow('vfxage'); cv2.waitKey(1); cv2.destroyAllWindows()"


class Window:
    """A window of OpenCV that shows pictures and passes keys and the mouse on. Only for the main thread."""

    def __init__(self, controls: Controls) -> None:
        import cv2

        self._cv2: Any = cv2
        self._controls = controls
        self._width = 1
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        cv2.setMouseCallback(TITLE, self._mouse)
        self._sized = False

    def show(self, picture: U8) -> None:
        """Show (H, W, 3) sRGB."""
        height, self._width = picture.shape[:2]
        if not self._sized:
            self._cv2.resizeWindow(TITLE, self._width, height)
            self._sized = True
        self._cv2.imshow(TITLE, np.ascontiguousarray(picture[..., ::-1]))

    def follow(self) -> None:
        """Draw what was shown, and follow the keys that were pressed since."""
        while (code := self._cv2.waitKeyEx(1)) != -1:
            self._controls.press(_KEYS.get(code) or chr(code & 0xFF).lower())
        if self._sized and self._cv2.getWindowProperty(TITLE, self._cv2.WND_PROP_VISIBLE) < 1:
            self._controls.quit = True

    def close(self) -> None:
        """Close the window."""
        with suppress(self._cv2.error):
            self._cv2.destroyWindow(TITLE)

    def _mouse(self, event: int, x: int, y: int, flags: int, _: object) -> None:
        """Move the wipe with the left button."""
        if self._controls.wipe is not None and flags & self._cv2.EVENT_FLAG_LBUTTON:
            self._controls.wipe = min(max(x / max(self._width, 1), 0.0), 1.0)


def why_no_window() -> str:
    """Why no window can be opened here, as a clause; empty if one can.

    OpenCV ends the whole process if its window system does not answer, so another process tries first.
    """
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no display (DISPLAY is not set)"
    try:
        tried = subprocess.run([sys.executable, "-c", _TRY], capture_output=True, timeout=_TRY_S, check=False)
    except subprocess.TimeoutExpired:
        return "the display does not answer"
    if tried.returncode == 0:
        return ""
    if b"not implemented" in tried.stderr:
        return "this OpenCV is built without windows (opencv-python-headless)"
    return "the display cannot be opened"


@contextmanager
def open_window(controls: Controls) -> Iterator[Window]:
    """Open the window for the block."""
    window = Window(controls)
    try:
        yield window
    finally:
        window.close()


def open_recording(path: Path, rate: Fraction) -> AbstractContextManager[Callable[[U8], None]]:
    """Record pictures (H, W, 3) sRGB to an MP4; the block gets the function that takes one.

    The movie is complete when the block ends, also after an error. Raises WriteError, at the next picture.
    """

    def write(pictures: Iterator[U8]) -> None:
        first = next(pictures, None)
        if first is not None:
            write_h264(path, _from(first, pictures), rate)

    return fed(write, _WAITING)


def _from(first: U8, others: Iterator[U8]) -> Iterator[U8]:
    yield first
    yield from others


@contextmanager
def open_virtual_camera(size: tuple[int, int], rate: Fraction) -> Iterator[Callable[[U8], None]]:
    """Send pictures (H, W, 3) sRGB to a camera that other programs see; the block gets the function that sends one.

    Raises InstallError without pyvirtualcam, ShotError if this machine has no virtual camera.
    """
    try:
        import pyvirtualcam
    except ImportError as error:
        raise InstallError(
            "--virtual-camera needs pyvirtualcam, which is not here", fix="run pip install 'vfxage[live]'"
        ) from error
    try:
        camera = pyvirtualcam.Camera(size[0], size[1], float(rate))
    except (RuntimeError, OSError, ValueError) as error:
        fix = "install one: v4l2loopback on Linux (modprobe v4l2loopback), OBS on macOS and Windows"
        raise ShotError(f"there is no virtual camera here ({error})", fix=fix) from error
    with camera:
        yield camera.send
