"""OpenEXR files for the tests, made by OpenEXR itself, never by our writer."""

from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR

HALF = np.float16


def ramp(height: int = 20, width: int = 30, seed: int = 0) -> np.ndarray:
    """(H, W, 3) half: a ramp with grain, some of it below 0 and above 1."""
    grain = np.random.default_rng(seed).normal(0, 0.2, (height, width, 3))
    return (np.linspace(-0.2, 4, width)[None, :, None] + grain).astype(HALF)


def save(path: Path, channels: dict[str, np.ndarray], **header: Any) -> Path:
    """Write one scan-line part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    settings = {"type": OpenEXR.scanlineimage, "compression": OpenEXR.ZIPS_COMPRESSION, **header}
    OpenEXR.File(settings, dict(channels)).write(str(path))
    return path


def window(x: int, y: int, width: int, height: int) -> tuple[tuple[int, int], tuple[int, int]]:
    return (x, y), (x + width - 1, y + height - 1)


def timecode(hours: int, minutes: int, seconds: int, frame: int, drop: bool = False) -> OpenEXR.TimeCode:
    return OpenEXR.TimeCode(hours, minutes, seconds, frame, drop, *[False] * 5, *[0] * 8)
