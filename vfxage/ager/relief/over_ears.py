"""Where hair lies over an ear: ears have the shade and the edges of dark hair, and the colour of fair hair."""

from __future__ import annotations

import cv2
import numpy as np

from vfxage.ager.relief.head import Head
from vfxage.geometry import smoothstep
from vfxage.types import F32

_DARK = (1.0, 0.5)
"""Log luma below the skin's from which hair may lie over an ear, and the range over which it does: ears have shade."""
_ROUGH = (1.75, 0.5)
"""The same for hair of any colour, with the log of the finest detail above the skin's added: ears have up to 1.8."""
_OUTLINE = (5, 5)
"""Pixels of the grid by which the outline of the person is soft."""
_EAR, _AROUND = 0.05, (9, 31)
"""Weight of the ears' area from which a pixel may be of an ear; how far around it lies what is looked at beside it,
pixels of the grid."""
_ALIKE, _BESIDE = (0.82, 0.12), (0.35, 0.3)
"""Share of an ear's area, and of what lies around it, that is surely of the colour of hair from which hair covers the
ear, and the ranges over which it does."""


def over_ears(unlike: F32, darker: F32, finer: F32, colour: F32, head: Head) -> tuple[F32, F32]:
    """Two images (n, n), 0..1: what is hair by its darkness alone, and where hair may lie over an ear.

    ``unlike`` (n, n), 0..1, is how unlike skin a pixel is, ``darker`` and ``finer`` its log luma below that of the skin
    and its log detail above that, and ``colour``, 0..1, whether it surely has the colour of hair.
    """
    dark, rough = (
        smoothstep((image - np.float32(low)) / np.float32(span))
        for image, (low, span) in ((darker, _DARK), (finer + darker, _ROUGH))
    )
    dark, rough = (_by_inside(hairy, head.person) for hairy in (unlike * dark, np.maximum(unlike * dark, rough)))
    return dark, np.maximum(rough, _covered(colour, head))


def _by_inside(hairy: F32, person: F32) -> F32:
    """What is ``hairy`` (0..1), told by what lies inside near the person's outline, where all is dark or rough."""
    kernel = np.ones(_OUTLINE, np.uint8)
    within = cv2.erode(person, kernel)
    inner = hairy * within
    return np.asarray(np.maximum(inner, cv2.dilate(inner, kernel) * (1 - within)), np.float32)


def _covered(colour: F32, head: Head) -> F32:
    """(n, n) 0..1 for each ear as a whole: all of it has the colour of hair, and there is hair around it."""
    covered = np.zeros_like(head.ears)
    count, labels = cv2.connectedComponents((head.ears > _EAR).astype(np.uint8))
    for ear in range(1, count):
        area = (labels == ear).astype(np.uint8)
        here = head.ears * area
        around = cv2.dilate(area, np.ones(_AROUND[::-1], np.uint8)) * (1 - area) * (1 - head.face)
        alike, beside = (
            float((colour * head.person * where).sum() / max(float(where.sum()), 1.0)) for where in (here, around)
        )
        told = [
            smoothstep(np.array((value - low) / span)) for value, (low, span) in ((alike, _ALIKE), (beside, _BESIDE))
        ]
        covered = np.maximum(covered, area * np.float32(told[0] * told[1]))
    return covered


__all__ = ["over_ears"]
