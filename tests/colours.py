"""OpenImageIO's colour conversions, the independent reference, and values to convert."""

from __future__ import annotations

import numpy as np
import OpenImageIO as oiio

from vfxage.colour.space import BUILTIN


def convert(rgb: np.ndarray, source: str, target: str) -> np.ndarray:
    """Convert with OpenImageIO, which contains its own OpenColorIO."""
    image = oiio.ImageBuf(np.ascontiguousarray(rgb.reshape(1, -1, 3)))
    done = oiio.ImageBufAlgo.colorconvert(image, source, target, colorconfig=f"ocio://{BUILTIN}")
    assert not done.has_error, done.geterror()
    return done.get_pixels(oiio.FLOAT).reshape(rgb.shape)


def ramp(low: float, high: float, count: int = 3000) -> np.ndarray:
    return np.random.default_rng(7).uniform(low, high, (count, 3)).astype(np.float32)
