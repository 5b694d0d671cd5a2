"""The contact sheet of a sweep: the face at every age, one block of tiles for each model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from vfxage.pictures.ages import age_text
from vfxage.pictures.sweep import Swept
from vfxage.publish import publish
from vfxage.types import U8

TILE = 256
"""Side of a face on the sheet, pixels."""
COLUMNS = (5, 6, 7, 8)
"""Numbers of faces in a row. The one that leaves the fewest places empty is taken, of several the largest."""
_STRIP, _GAP = 30, 4
_PAPER, _INK, _OWN = (24, 24, 24), (255, 255, 255), (255, 200, 90)
_TEXT, _TITLE = 18, 17


def save_sweep_sheet(path: Path, title: str, sweeps: Sequence[Swept]) -> None:
    """Write the sheet as a PNG, complete or not at all: first the picture, then the ages. Raises WriteError."""
    tiles = 1 + max(len(swept.ages) for swept in sweeps)
    columns = min(tiles, max(COLUMNS, key=lambda count: (-(-tiles % count), count)))
    step = TILE + _GAP
    rows = [-(-(1 + len(swept.ages)) // columns) for swept in sweeps]
    page = Image.new("RGB", (columns * step + _GAP, sum(rows) * step + len(sweeps) * _STRIP + _GAP), _PAPER)
    pen = ImageDraw.Draw(page)
    top = 0
    for swept, count in zip(sweeps, rows, strict=True):
        pen.text((8, top + 6), f"{title}   {swept.model}", font=ImageFont.load_default(_TITLE), fill=_INK)
        shown = [(f"picture, {age_text(swept.source_age)}", swept.plate)]
        shown += [(age_text(age), picture) for age, picture in zip(swept.ages, swept.aged, strict=True)]
        for place, (text, picture) in enumerate(shown):
            at = _GAP + place % columns * step, top + _STRIP + place // columns * step
            page.paste(small(picture, TILE), at)
            write_label(pen, (at[0] + 7, at[1] + 5), text, own=place == 0)
        top += _STRIP + count * step
    with publish(path) as partial:
        page.save(partial, format="PNG")


def small(picture: U8, side: int) -> Image.Image:
    """A face at another size."""
    image = Image.fromarray(picture)
    return image if image.width == side else image.resize((side, side), Image.Resampling.LANCZOS)


def write_label(pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, *, own: bool = False) -> None:
    """Write an age on a face; the ``own`` age of the picture has another colour."""
    font = ImageFont.load_default(_TEXT)
    pen.text(at, text, font=font, fill=_OWN if own else _INK, stroke_width=2, stroke_fill=(0, 0, 0))
