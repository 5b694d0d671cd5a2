"""The loop of a sweep: a face that grows old and young again without a jump, as MP4, WebP or GIF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from vfxage.media.movie import write_h264
from vfxage.pictures.ages import age_text
from vfxage.pictures.sweep import SIDE, Swept
from vfxage.pictures.sweep_sheet import small, write_label
from vfxage.publish import publish
from vfxage.types import U8


@dataclass(frozen=True, slots=True)
class LoopForm:
    """Size and rate of a loop."""

    side: int
    """Side of the face, pixels."""
    rate: int
    """Frames per second."""


FORMS = {".mp4": LoopForm(SIDE, 24), ".webp": LoopForm(320, 15), ".gif": LoopForm(320, 10)}
"""By suffix. A GIF counts hundredths of a second, and grows quickly."""
_YEARS_A_SECOND = 10.0
_SHORTEST_S = 2.0
"""Least seconds from the youngest face to the oldest: a sweep of few years is slower."""
_REST_S = 0.5
"""Seconds for which the youngest and the oldest face are held."""


def save_loop(path: Path, sweeps: Sequence[Swept]) -> None:
    """Write the loop, complete or not at all, models side by side. The suffix is one of FORMS. Raises WriteError."""
    form = FORMS[path.suffix.lower()]
    pages = (_page(sweeps, age, form.side) for age in loop_ages(sweeps[0].ages, form.rate))
    if path.suffix.lower() == ".mp4":
        write_h264(path, (np.asarray(page) for page in pages), Fraction(form.rate))
        return
    kind: dict[str, Any] = {"format": "WEBP", "quality": 80}
    if path.suffix.lower() == ".gif":
        palette = _palette(sweeps, form.side)
        pages = (page.quantize(palette=palette, dither=Image.Dither.NONE) for page in pages)
        kind = {"format": "GIF"}
    first = next(pages)
    with publish(path) as partial:
        first.save(partial, save_all=True, append_images=pages, duration=1000 // form.rate, loop=0, **kind)


def _palette(sweeps: Sequence[Swept], side: int) -> Image.Image:
    """The 256 colours of all frames of a GIF: one palette, so that the background does not flicker."""
    low, high = sweeps[0].ages[0], sweeps[0].ages[-1]
    pages = [_page(sweeps, age, side) for age in (low, (low + high) / 2, high)]
    every = Image.new("RGB", (pages[0].width, len(pages) * side))
    for place, page in enumerate(pages):
        every.paste(page, (0, place * side))
    return every.quantize(256)


def loop_ages(ages: Sequence[float], rate: int) -> list[float]:
    """The age of each frame, years: up and down again, at an even speed, with a rest at both ends."""
    low, high = min(ages), max(ages)
    rest = max(1, round(_REST_S * rate))
    count = max(1, round(max(_SHORTEST_S, (high - low) / _YEARS_A_SECOND) * rate)) if high > low else 0
    way = [low + (high - low) * k / count for k in range(1, count)]
    return [low] * rest + way + [high] * rest + way[::-1]


def blended(swept: Swept, age: float) -> U8:
    """The face at an age: between two ages that were rendered, a mix of both, in the codes of the display."""
    place = float(np.interp(age, swept.ages, np.arange(len(swept.ages))))
    before = min(int(place), len(swept.ages) - 1)
    share = place - before
    if share == 0:
        return swept.aged[before]
    mixed = swept.aged[before] * (1 - share) + swept.aged[before + 1] * share
    return np.asarray(np.rint(mixed), np.uint8)


def _page(sweeps: Sequence[Swept], age: float, side: int) -> Image.Image:
    page = Image.new("RGB", (len(sweeps) * side, side))
    pen = ImageDraw.Draw(page)
    for place, swept in enumerate(sweeps):
        page.paste(small(blended(swept, age), side), (place * side, 0))
        text = age_text(round(age))
        write_label(pen, (place * side + 10, 8), f"{text}   {swept.model}" if len(sweeps) > 1 else text)
    return page
