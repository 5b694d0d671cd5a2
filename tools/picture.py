"""Make README's pictures: two frames of the demo shot, a loop of the demo shot, and faces at other ages.

.venv/bin/python tools/picture.py                  after `make demo`; writes docs/demo.jpg and docs/demo.webp
.venv/bin/python tools/picture.py PORTRAITS        writes docs/ages.jpg as well, from a folder of labelled portraits

The faces are chosen by a rule, not by their result: the nearest to certain ages, alternately men and women.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import OpenEXR
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vfxage.ager import load_ager
from vfxage.colour.space import Colour
from vfxage.lab.pairs import age_portrait
from vfxage.lab.portraits import Portrait, crop_portrait, mesh_portraits, scan_portraits

ROOT = Path(__file__).resolve().parents[1]
FIRST, OLDEST, LAST = 1001, 1024, 1048
AGES = {FIRST: 42, OLDEST: 72, LAST: 22}
"""The keyframes of the demo shot."""
FACE = (slice(110, 570), slice(400, 860))
"""Rows and columns of the head on the last frame, and nearly on all."""
GAIN = 2
"""The delta is shown this many times about mid-grey, in display-referred sRGB."""
ASKED = (-30, -15, 0, 20, 40)
"""Years, on the sheet."""
SUBJECTS = ((33, "F"), (40, "M"), (45, "F"), (50, "M"), (61, "F"), (65, "M"))
SIDE = 190


def channels(name: str) -> dict[str, NDArray[np.float32]]:
    """The channels of one demo frame, cut to the face."""
    with OpenEXR.File(str(ROOT / "shots" / "demo" / name), separate_channels=True) as file:
        return {key: np.asarray(value.pixels, np.float32)[FACE] for key, value in file.channels().items()}


def demo_frame(number: int) -> Image.Image:
    """Plate, beauty, delta and matte of a demo frame, side by side, without words."""
    colour = Colour("Linear Rec.709 (sRGB)")
    plate, passes = channels(f"plate/demo.{number}.exr"), channels(f"out/demo.{number}.exr")
    before, after = (colour.to_sdr8(np.stack([part[c] for c in "RGB"], axis=-1)) for part in (plate, passes))
    change = np.clip(128 + GAIN * (after.astype(int) - before), 0, 255).astype(np.uint8)
    matte = np.repeat((passes["matte.A"] * 255).astype(np.uint8)[..., None], 3, axis=2)
    return Image.fromarray(np.hstack([before, after, change, matte]))


def write(picture: Image.Image, words: dict[tuple[int, int], str], size: int = 20) -> Image.Image:
    """Draw words on a picture."""
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size)
    for place, text in words.items():
        pen.text(place, text, font=font, fill="white", stroke_width=2, stroke_fill="black")
    return picture


def demo() -> None:
    """Write docs/demo.jpg and docs/demo.webp."""
    rows = []
    for number in (OLDEST, LAST):
        row = demo_frame(number)
        width = row.width // 4
        names = ("plate, 42", f"beauty, {AGES[number]}", f"delta x{GAIN}", "matte")
        rows.append(np.asarray(write(row, {(width * k + 10, 8): name for k, name in enumerate(names)})))
    Image.fromarray(np.vstack(rows)).save(ROOT / "docs/demo.jpg", quality=88)
    shown = []
    for number in [*range(FIRST, OLDEST, 2), *[OLDEST] * 5, *range(OLDEST, LAST, 2), *[LAST] * 5]:
        age = float(np.interp(number, list(AGES), list(AGES.values())))
        small = demo_frame(number).crop((0, 0, 3 * width, width)).resize((3 * 280, 280), Image.Resampling.LANCZOS)
        shown.append(write(small, {(8, 6): "plate", (288, 6): f"{age:.0f}", (568, 6): f"delta x{GAIN}"}, 16))
    shown[0].save(ROOT / "docs/demo.webp", save_all=True, append_images=shown[1:], duration=84, loop=0, quality=72)


def nearest(portraits: tuple[Portrait, ...], age: float, sex: str) -> Portrait:
    """The portrait of the given sex with the nearest age."""
    return min((p for p in portraits if p.labels.get("sex") == sex), key=lambda p: (abs(p.age - age), p.person))


def sheet(folder: Path) -> None:
    """Write docs/ages.jpg."""
    ager = load_ager("builtin")
    portraits = mesh_portraits(scan_portraits(folder)).portraits
    rows = []
    for age, sex in SUBJECTS:
        portrait = nearest(portraits, age, sex)
        row = Image.new("RGB", (SIDE * len(ASKED), SIDE))
        words = {}
        for k, years in enumerate(ASKED):
            target = min(max(portrait.age + years, 18), 90)
            crop = crop_portrait(portrait, ager.framing, 512, (portrait.age, target))
            aged = crop.rgb + crop.matte[..., None] * (age_portrait(ager, crop) - crop.rgb)
            face = Image.fromarray((aged * 255).round().astype(np.uint8)).crop((40, 50, 472, 482))
            row.paste(face.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (SIDE * k, 0))
            words[SIDE * k + 6, 4] = f"{target:.0f}" if years else f"{target:.0f} photograph"
        rows.append(np.asarray(write(row, words, 14)))
    Image.fromarray(np.vstack(rows)).save(ROOT / "docs/ages.jpg", quality=86)


def main() -> None:
    """Write the pictures."""
    (ROOT / "docs").mkdir(exist_ok=True)
    demo()
    if len(sys.argv) > 1:
        sheet(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
