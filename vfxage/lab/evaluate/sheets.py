"""Contact sheets: people by row, ages by column, as PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vfxage.arrays import ArrayData, shaped
from vfxage.geometry import warp_to_crop
from vfxage.lab.evaluate.faces import Aged, Subject, cut_subject
from vfxage.lab.evaluate.regions import find_face_parts
from vfxage.lab.evaluate.rows import OLDEST, STEPS, YOUNGEST
from vfxage.publish import publish
from vfxage.types import F32, F64, U8, FaceCrop, Framing, Window

PEOPLE = 10
"""Rows of a sheet."""
TILE = 256
"""Side of one face, pixels."""
_ROOM = 1.35
"""Side of the area that a tile shows, in heights of the face (forehead to chin)."""
_GAIN = 2
_HEAD = 30
_BACK = (24, 24, 24)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class FaceTiles(ArrayData):
    """Tiles of one face at one age."""

    picture: U8 = field(metadata=shaped(TILE, TILE, 3, dtype=np.uint8))
    """(256, 256, 3)."""
    delta: U8 = field(metadata=shaped(TILE, TILE, 3, dtype=np.uint8))
    """(256, 256, 3): the change times two about grey."""
    read: float | None
    """Years; None if the reader knows too little."""


def choose_people(subjects: Sequence[Subject], count: int = PEOPLE) -> list[Subject]:
    """Choose people who differ most in age, sex, lightness of skin, glasses and facial hair; youngest first.

    The first is the person nearest to the mean. Each next one is the farthest from all chosen. One portrait a person.
    """
    first = {(one.photos, one.portrait.person): one for one in reversed(subjects)}
    people = sorted(first.values(), key=lambda one: one.key)
    traits = np.array([_traits(one) for one in people])
    traits -= traits.mean(axis=0)
    traits[:, 1:] /= traits[:, 1:].std(axis=0) + 1e-6
    chosen = [int(np.argmin(np.square(traits).sum(axis=1)))]
    while len(chosen) < min(count, len(people)):
        apart = np.square(traits[:, None] - traits[chosen][None]).sum(axis=2).min(axis=1)
        chosen.append(int(np.argmax(apart)))
    return sorted((people[k] for k in chosen), key=lambda one: (one.portrait.age, one.key))


def _traits(subject: Subject) -> F64:
    crop = cut_subject(subject, Framing(name="ffhq"), 256)
    regions = find_face_parts(crop)
    lower = regions.hair.copy()
    lower[: int(crop.points[1, 1])] = False  # below the nose's tip: a beard
    skin = float(crop.rgb[regions.skin].mean()) if regions.skin.any() else 0.5
    labels = subject.portrait.labels
    glasses = labels.get("glasses", "").strip().lower() in ("1", "true", "yes")
    beard = float(lower.sum()) / max(float(regions.face.sum()), 1.0)
    return np.array([subject.portrait.age / 10, labels.get("sex", "") == "M", min(skin, 0.7), glasses, min(beard, 0.1)])


def make_tiles(aged: Aged, read: float | None) -> FaceTiles:
    """Cut what a render would show, and its change."""
    rgb = aged.result()
    change = np.float32(0.5) + np.float32(_GAIN) * (rgb - aged.crop.rgb)
    return FaceTiles(picture=_tile(rgb, aged.crop), delta=_tile(change, aged.crop), read=read)


def own_tile(crop: FaceCrop, read: float | None) -> FaceTiles:
    """The unchanged face."""
    return FaceTiles(picture=_tile(crop.rgb, crop), delta=_tile(np.full_like(crop.rgb, 0.5), crop), read=read)


def _tile(rgb: F32, crop: FaceCrop) -> U8:
    """The square around the face, (TILE, TILE, 3); beyond the crop its edge is repeated."""
    low, high = crop.points.min(axis=0), crop.points.max(axis=0)
    height = float(high[1] - low[1])
    side = _ROOM * height
    x, y = (low + high) / 2 - (side / 2, side / 2 + 0.08 * height)
    to_crop = np.array([[side / TILE, 0, x], [0, side / TILE, y]])
    shown = warp_to_crop(rgb, Window(0, 0, rgb.shape[1], rgb.shape[0]), to_crop, TILE)
    return np.asarray(np.clip(shown, 0, 1) * 255 + 0.5, np.uint8)


def draw_sheet(
    path: Path, title: str, rows: Mapping[str, tuple[Subject, Mapping[int, FaceTiles]]], *, deltas: bool
) -> None:
    """Write a sheet; ``rows`` are people and their tiles by years of change (0: the photograph). Raises WriteError."""
    columns = sorted((0, *STEPS), key=lambda step: (step != 0, step))
    page = Image.new("RGB", (len(columns) * TILE, _HEAD + len(rows) * TILE), _BACK)
    pen = ImageDraw.Draw(page)
    pen.text((8, 5), title, font=_font(17), fill="white")
    for row, (subject, tiles) in enumerate(rows.values()):
        for column, step in enumerate(columns):
            at = column * TILE, _HEAD + row * TILE
            age = subject.portrait.age + step
            if step not in tiles:
                limit = f"{age:.0f} is not asked: {YOUNGEST:.0f} to {OLDEST:.0f} only"
                pen.text((at[0] + 10, at[1] + TILE // 2), limit, font=_font(14), fill=(150, 150, 150))
                continue
            tile = tiles[step]
            page.paste(Image.fromarray(tile.delta if deltas else tile.picture), at)
            name = f"{age:.0f} years" if step == 0 else f"{step:+d}: {age:.0f}"
            _label(pen, (at[0] + 7, at[1] + 4), name)
            _label(pen, (at[0] + 7, at[1] + TILE - 24), "read -" if tile.read is None else f"read {tile.read:.0f}")
    with publish(path) as partial:
        page.save(partial, format="PNG")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _label(pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str) -> None:
    pen.text(at, text, font=_font(16), fill=(255, 255, 255), stroke_width=2, stroke_fill=(0, 0, 0))
