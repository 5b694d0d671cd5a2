"""Make README's picture from the rendered demo shot: the face on one frame as plate, beauty, delta and matte.

.venv/bin/python tools/picture.py        after `make demo`; writes docs/demo.jpg
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenEXR
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vfxage.colour import Colour

ROOT = Path(__file__).resolve().parents[1]
FRAME = 1048
FACE = (slice(110, 570), slice(400, 860))
"""Rows and columns of the head on that frame."""
GAIN = 2
"""The delta is shown this many times about mid-grey, in display-referred sRGB."""


def channels(name: str) -> dict[str, NDArray[np.float32]]:
    """The channels of one demo frame, cut to the face."""
    with OpenEXR.File(str(ROOT / "shots" / "demo" / name), separate_channels=True) as file:
        return {key: np.asarray(value.pixels, np.float32)[FACE] for key, value in file.channels().items()}


def main() -> None:
    """Write docs/demo.jpg."""
    colour = Colour("Linear Rec.709 (sRGB)")
    plate, passes = channels(f"plate/demo.{FRAME}.exr"), channels(f"out/demo.{FRAME}.exr")
    before, after = (colour.to_sdr8(np.stack([part[c] for c in "RGB"], axis=-1)) for part in (plate, passes))
    change = np.clip(128 + GAIN * (after.astype(int) - before), 0, 255).astype(np.uint8)
    matte = np.repeat((passes["matte.A"] * 255).astype(np.uint8)[..., None], 3, axis=2)
    picture = Image.fromarray(np.hstack([before, after, change, matte]))
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(20)
    for index, name in enumerate(("plate, 42", "beauty, 75", f"delta x{GAIN}", "matte")):
        pen.text((before.shape[1] * index + 10, 8), name, font=font, fill="white", stroke_width=2, stroke_fill="black")
    (ROOT / "docs").mkdir(exist_ok=True)
    picture.save(ROOT / "docs" / "demo.jpg", quality=88)


if __name__ == "__main__":
    main()
