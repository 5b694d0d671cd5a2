"""Portraits with the masks of hair and beard that were drawn for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from vfxage.ager.relief.ager import ReliefAger
from vfxage.ager.relief.hair_network import SIDE
from vfxage.ager.relief.person import PersonMatte
from vfxage.arrays import ArrayData, shaped
from vfxage.errors import ShotError
from vfxage.lab.portraits import crop_portrait, scan_portraits
from vfxage.types import F32, POINTS

_SOFT = 0.7
"""Blur of a mask's edge, pixels of the network's square: the masks are stored as bits."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Masked(ArrayData):
    """One portrait on the network's square, with its masks, all 0..1."""

    rgb: F32 = field(metadata=shaped(SIDE, SIDE, 3))
    """Display-referred sRGB."""
    person: F32 = field(metadata=shaped(SIDE, SIDE))
    hair: F32 = field(metadata=shaped(SIDE, SIDE))
    beard: F32 = field(metadata=shaped(SIDE, SIDE))
    points: F32 = field(metadata=shaped(POINTS, 2))
    """Landmarks, pixels of the square."""
    beard_known: bool
    """Whether the mask of the beard was looked at."""


def masked_portraits(folders: Sequence[Path], masks: Path) -> list[Masked]:
    """The portraits of some folders that have masks in the file ``masks``.

    The file has arrays ``names`` (file stems), ``hair`` and ``beard`` (n, SIDE * SIDE / 8, bits row by row), and
    ``beard_known`` (n). Raises ShotError if no portrait has a mask.
    """
    with np.load(masks) as stored:
        rows = {str(name): k for k, name in enumerate(stored["names"])}
        hair, beard = (np.unpackbits(stored[kind], axis=1).reshape(-1, SIDE, SIDE) for kind in ("hair", "beard"))
        known = stored["beard_known"]
    person, found = PersonMatte(), []
    for folder in folders:
        for portrait in scan_portraits(folder).portraits:
            row = rows.get(portrait.path.stem)
            if row is None or portrait.points is None:
                continue
            crop = crop_portrait(portrait, ReliefAger.framing, 512)
            found.append(
                Masked(
                    rgb=_small(crop.rgb),
                    person=_small(person(crop)),
                    hair=_soft(hair[row]),
                    beard=_soft(beard[row]),
                    points=np.asarray(crop.points * (SIDE / len(crop.rgb)), np.float32),
                    beard_known=bool(known[row]),
                )
            )
    if not found:
        fix = "give the folders of portraits that the masks were drawn for"
        raise ShotError("no portrait of these folders has a mask", path=masks, fix=fix)
    return found


def _small(image: F32) -> F32:
    return np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)


def _soft(mask: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> F32:
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), _SOFT), np.float32)
