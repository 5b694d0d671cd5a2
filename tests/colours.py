"""OpenImageIO's colour conversions, the independent reference, and values to convert."""

from __future__ import annotations

import numpy as np
import OpenImageIO as oiio

from vfxage.colour.config import BUILTIN


def convert(rgb: np.ndarray, source: str, target: str) -> np.ndarray:
    """Convert with OpenImageIO, which contains its own OpenColorIO."""
    image = oiio.ImageBuf(np.ascontiguousarray(rgb.reshape(1, -1, 3)))
    done = oiio.ImageBufAlgo.colorconvert(image, source, target, colorconfig=f"ocio://{BUILTIN}")
    assert not done.has_error, done.geterror()
    return done.get_pixels(oiio.FLOAT).reshape(rgb.shape)


def config_with_lut(lut: str, search_path: str = "luts") -> str:
    """The text of a config whose space `camera` needs a LUT file; `ACES2065-1` needs none."""
    return f"""ocio_profile_version: 2
search_path: "{search_path}"
roles: {{default: ACES2065-1, scene_linear: ACES2065-1, aces_interchange: ACES2065-1}}
displays:
  d:
    - !<View> {{name: v, colorspace: ACES2065-1}}
colorspaces:
  - !<ColorSpace>
    name: ACES2065-1
    encoding: scene-linear
  - !<ColorSpace>
    name: camera
    to_scene_reference: !<FileTransform> {{src: "{lut}"}}
"""


def ramp(low: float, high: float, count: int = 3000) -> np.ndarray:
    return np.random.default_rng(7).uniform(low, high, (count, 3)).astype(np.float32)
