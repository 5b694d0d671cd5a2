"""Where the bare skin of neck and ears is on a crop: what ages there is printed on nothing else.

A neck is often far darker than the face, redder and in its own light, so it is no skin by the light that is fitted to
the face. Its colour tells it from collars, and so does where it lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from vfxage.ager.relief.mattes import Mattes
from vfxage.ager.relief.mesh import CANON, MESH
from vfxage.ager.relief.skin_view import SkinView, beyond_luma, blur, halve, luma, parts
from vfxage.ager.relief.working import Working
from vfxage.arrays import ArrayData, shaped
from vfxage.geometry import OVAL, smoothstep
from vfxage.types import F32, Window

LOW = Window(0, 150, CANON, 304)
"""Canonical pixels: from the ears down to where a neck ends, which is below the canonical square."""
_JAW = (1.0, 9.0)
"""Canonical pixels outside the face's outline between which neck and ears begin."""
_SIDE = (66.0, 112.0)
"""Canonical pixels from the middle of the face between which a neck ends."""
_CHIN = 152
_LOWEST = (34.0, 72.0)
"""Canonical pixels outside the outline between which a neck fades out: its mesh ends there."""
_EAR_TOP, _LOBE, _EAR_REACH = (158.0, 176.0), (246.0, 276.0), (34.0, 52.0)
"""Heights between which ears begin and end, and how far out of the outline they end; canonical pixels."""
_LOBES = (15.0, 42.0, 13.0)
"""How far out of an ear's landmark, and how far below it, its lobe is, and the reach of a disc round it."""
_SHADE = np.array([-0.42, 0.08, 0.38], np.float32)
"""Change of log RGB beyond luma for a unit of log luma as skin comes into shade: it gets redder."""
_REDDER, _PALER = 1.3, 0.16
"""Shares of that change by which skin in shade may be redder, and log luma by which it may be paler."""
_COLOUR = (0.075, 0.075)
"""Log RGB away from that from which a colour is none of skin, and the range over which it surely is none."""
_OWN_COLOUR = (0.06, 0.06)
"""The same beside the colour of the throat below the chin."""
_BARE = (0.25, 0.6)
"""Share of that throat that is like skin, between which its colour takes the place of the face's."""
_THROAT = (26.0, 10.0, 36.0)
"""Canonical pixels: half width of the throat, and how far below the chin it begins and ends: few collars lie there."""
_COLOURED = (0.12, 0.35)
"""Colour of the plate's skin in shares of what portraits have, from which colour begins to tell a neck from a collar,
and surely does. In black and white nothing does, and the neck stays."""
_DEEP = 0.03
"""Log RGB by which that is more for each unit of log luma of shade: little light leaves little colour."""
_DARKEST, _BRIGHTEST = (-1.45, -1.05), (0.22, 0.44)
"""Log luma beside the face's skin between which it is no black cloth any more, and begins to be linen."""
_ROUGH, _EAR_ROUGH = (0.09, 0.16), (0.05, 0.09)
"""Energy of the 1 to 3 pixel band, log units, between which a neck, and an ear, is hair, lace or knitwear."""
_PERSON = (0.75, 0.97)
"""Matte of the person between which a pixel is surely hers."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Beyond(ArrayData):
    """What is beside the face on a crop, half grid, 0..1."""

    neck: F32 = field(metadata=shaped("h2", "w2"))
    ears: F32 = field(metadata=shaped("h2", "w2"))
    beside: F32 = field(metadata=shaped("h2", "w2"))
    """All that is outside the face's outline and below the brows, skin or not."""
    lobes: F32 = field(metadata=shaped("h2", "w2"))
    """Soft discs round the lobes of the ears, whether they are seen or not."""

    def factor(self, amount: float) -> F32:
        """(h2, w2) factor of a change: ``amount`` on neck and ears, 1 on the face."""
        return np.asarray(1 + np.float32(amount - 1) * self.beside, np.float32)


def beyond_areas(mean: F32) -> list[F32]:
    """(LOW.height, LOW.width) 0..1 each, around the mean face ``mean`` (478, 2).

    They are necks, ears, all that is beside the face below its brows, the lobes of the ears, and the throat.
    """
    outline = np.zeros(LOW.shape, np.uint8)
    cv2.fillPoly(outline, [np.round((mean[OVAL] - (LOW.x, LOW.y) - 0.5) * 16).astype(np.int32)], (1,), cv2.LINE_8, 4)
    outside = np.asarray(cv2.distanceTransform(1 - outline, cv2.DIST_L2, 5), np.float32)
    y, x = np.mgrid[: LOW.height, : LOW.width].astype(np.float32) + np.float32(0.5)
    x, y = x + np.float32(LOW.x), y + np.float32(LOW.y)
    side = np.abs(x - mean[:MESH, 0].mean())
    beside = _rise(outside, _JAW) * _rise(y, _EAR_TOP)
    below = _rise(y, _LOBE)
    neck, ears = (
        beside * below * (1 - _rise(side, _SIDE)) * (1 - _rise(outside, _LOWEST)),
        beside * (1 - below) * (1 - _rise(outside, _EAR_REACH)),
    )
    lobes = [np.exp(-np.square((x - ear[0]) / _LOBES[2]) - np.square((y - ear[1]) / _LOBES[2]))
             for ear in (mean[234] + (-_LOBES[0], _LOBES[1]), mean[454] + _LOBES[:2])]  # fmt: skip
    throat = (side < _THROAT[0]) * (y > mean[_CHIN, 1] + _THROAT[1]) * (y < mean[_CHIN, 1] + _THROAT[2])
    areas = [neck, ears, beside, lobes[0] + lobes[1], throat]
    return [np.ascontiguousarray(area, np.float32) for area in areas]


def _rise(value: F32, between: tuple[float, float]) -> F32:
    low, high = between
    return smoothstep(np.asarray((value - np.float32(low)) / np.float32(high - low), np.float32))


def beyond_face(work: Working, mattes: Mattes, areas: Sequence[F32]) -> Beyond | None:
    """Find neck and ears on a crop, over the chart's window; None if the face is outside the crop.

    ``areas`` comes from ``beyond_areas``.
    """
    if work.view is None:
        return None
    seen_skin, chart = work.view.seen_skin, work.view.chart
    inside = chart.window.slices(work.window)
    neck, ears, beside, lobes, throat = (chart.take_low(area, LOW, 1) for area in areas)
    hair, person = halve(np.maximum(mattes.hair, mattes.beard)[inside]), halve(mattes.person[inside])
    sure = _rise(blur(np.asarray(cv2.erode(person, np.ones((3, 3), np.uint8)), np.float32), seen_skin.unit), _PERSON)
    energy = np.sqrt(blur(halve(np.square(seen_skin.fine)), 2.5 * seen_skin.unit))
    smooth, smooth_ear = (1 - _rise(energy, limits) for limits in (_ROUGH, _EAR_ROUGH))
    skin = (
        _like_skin(seen_skin, throat) * sure * (1 - blur(np.clip(1.15 * hair, 0, 1), seen_skin.unit)) * seen_skin.seen
    )
    told = _rise(np.array(seen_skin.saturation, np.float32), _COLOURED)
    return Beyond(
        neck=np.asarray(neck * skin * smooth * told, np.float32),
        ears=np.asarray(ears * skin * seen_skin.bare * smooth_ear, np.float32),
        beside=np.asarray(beside, np.float32),
        lobes=np.asarray(lobes, np.float32),
    )  # fmt: skip


def _like_skin(seen_skin: SkinView, throat: F32) -> F32:
    """(h2, w2) 0..1: skin as the face's, or as that of the ``throat`` (h2, w2, 0..1) where that is bare."""
    level, tint = luma(seen_skin.colour), parts(beyond_luma(seen_skin.colour))
    masks = seen_skin.masks
    face = masks["texture"] * seen_skin.bare * (masks["mouth"] + masks["cheek_left"] + masks["cheek_right"])
    mean = [_mean(part, face) for part in (level, *tint)]
    like = _as(level, tint, mean, _COLOUR)
    bare = throat * np.square(like)
    enough = float(bare.sum()) / max(float(throat.sum()), 1.0)
    own = [mean[0], *(_mean(part, bare) for part in tint)]
    share = np.float32(smoothstep(np.array((enough - _BARE[0]) / (_BARE[1] - _BARE[0]))))
    like = like + share * (_as(level, tint, own, _OWN_COLOUR) - like)
    like = np.asarray(cv2.erode(like, np.ones((3, 3), np.uint8)), np.float32)
    return blur(like, 1.2 * seen_skin.unit)


def _mean(image: F32, weight: F32) -> float:
    return float((image * weight).sum()) / max(float(weight.sum()), 1.0)


def _as(level: F32, tint: list[F32], skin: list[float], colour: tuple[float, float]) -> F32:
    """(h2, w2) 0..1: like ``skin`` (log luma and the colour beyond it) in more or less light."""
    darker = level - np.float32(skin[0])
    off = [part - np.float32(mean) for part, mean in zip(tint, skin[1:], strict=True)]
    along = sum(part * share for part, share in zip(off, _SHADE, strict=True)) / np.float32(_SHADE @ _SHADE)
    along = np.clip(along, np.float32(_REDDER) * np.minimum(darker, 0) - np.float32(_PALER), np.float32(_PALER))
    far = np.maximum.reduce([np.abs(part - share * along) for part, share in zip(off, _SHADE, strict=True)])
    far += np.float32(_DEEP) * np.minimum(darker, 0)
    unlike = smoothstep((far - np.float32(colour[0])) / np.float32(colour[1]))
    return np.asarray((1 - unlike) * _rise(darker, _DARKEST) * (1 - _rise(darker, _BRIGHTEST)), np.float32)


def own_light(skin: F32, smooth: F32, reach: float) -> tuple[F32, F32]:
    """The log luma (h2, w2) of ``skin`` (h2, w2, 0..1) around each pixel of ``smooth``, and how much skin there is."""
    around = blur(skin, reach) + np.float32(1e-3)
    return np.asarray(blur(skin * smooth, reach) / around, np.float32), around
