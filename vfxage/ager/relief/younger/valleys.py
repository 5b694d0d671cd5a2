"""Valleys of shading, filled: the morphological closing of the skin's luma is the measure and the cure.

A closing raises narrow dark valleys to the lower of their two banks and leaves all else. So where there is no valley
nothing is lifted, and no halo or shade can appear.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from vfxage.ager.relief.skin_view import creases_only, morphed
from vfxage.ager.relief.younger.ground import Ground, wider
from vfxage.ager.relief.younger.settings import Closing, Softening
from vfxage.arrays import ArrayData, shaped
from vfxage.types import F32

_LINES = 0.02
"""Depth of lines nearby, log luma, at which the rolls between them are fully taken back."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Filling(ArrayData):
    """What full strength does to the log luma of the skin, half grid."""

    fill: F32 = field(metadata=shaped("h2", "w2"))
    """Change of log luma."""
    narrow: F32 = field(metadata=shaped("h2", "w2"))
    """What of it fills narrow valleys and deep shadows: more than full strength would make them ridges."""
    lines: F32 = field(metadata=shaped("h2", "w2"))
    """Depth of narrow and middle valleys."""
    deep: F32 = field(metadata=shaped("h2", "w2"))
    """0..1, where a broad smile folds the cheek into deep shadow."""


def filled(ground: Ground, darker: F32, softness: float, closing: Closing) -> Filling:
    """Fill lines, furrows and folds.

    ``darker`` is log luma above the fitted skin, half grid; ``softness`` the plate's blur (sigma), canonical pixels.
    """
    fill, lines = _closed(ground, softness, closing)
    fill = ground.blurred(fill, closing.smoothing * 2)
    raised = ground.walled + lines.sum(axis=0)
    around = ground.among_skin(raised, closing.around)
    fill += _steps(ground, (raised, around), closing)
    fill += _hollow(ground, darker + fill, closing)
    fill = np.minimum(fill, np.maximum(around + np.float32(closing.above) - ground.level, 0))
    deep, eased = _shadow_eased(ground, closing)
    fill += deep * (eased - fill)
    narrow = np.float32(closing.narrow.share) * lines[0] * ground.zone["narrow"]
    return Filling(
        fill=fill,
        narrow=np.minimum(np.maximum(narrow, deep * fill), np.maximum(fill, 0)),
        lines=lines[0] + lines[1],
        deep=deep,
    )


def _closed(ground: Ground, softness: float, closing: Closing) -> tuple[F32, F32]:
    """The filling by closings alone, and the depths (3, h2, w2) of the valleys of each width."""
    level = ground.walled
    fill = np.zeros_like(level)
    depths = []
    kept = np.float32(closing.smile_kept * ground.smile) * ground.zone["smile"]
    for name in ("narrow", "middle", "broad"):
        width = getattr(closing, name)
        radius = float(np.hypot(width.radius, closing.blur_width * softness))
        raised = np.maximum(morphed(cv2.MORPH_CLOSE, ground.walled, radius * ground.pixel), level)
        depth = raised - level
        shown = depth / (1 + np.square(np.square(depth / np.float32(closing.deepest))))
        if name == "narrow":  # moles are the person's
            shown *= creases_only(-depth, ground.blurred(ground.level, 3.0))
        smile = 1 - (np.float32(closing.smile_cut) * kept if name == "narrow" else kept)
        fill += np.float32(width.share) * ground.zone[name] * smile * shown
        depths.append(depth)
        level = raised
    return fill, np.stack(depths)


def _steps(ground: Ground, raised: tuple[F32, F32], closing: Closing) -> F32:
    """A fold is also a step, from a lit cheek to a shaded lip: its dark side is drawn up to the slope between.

    ``raised`` is the log luma (h2, w2) with its valleys filled, and its average around each pixel.
    """
    (level, around), zone = raised, ground.zone
    slope = np.maximum(around, ground.among_skin(level, closing.step_around)) - level
    where = np.maximum(zone["broad"], 0.3 * zone["relief"] * zone["within"] * (1 - zone["around_lips"]))
    where = where * (1 - np.float32(closing.smile_kept * ground.smile) * zone["smile"]) * ground.inside
    step = np.clip(slope, 0, closing.step_deepest) * where * (0.3 + 0.7 * ground.apart)
    return ground.blurred(np.asarray(np.float32(closing.step_share) * step, np.float32), 2.0)


def _hollow(ground: Ground, darker: F32, closing: Closing) -> F32:
    """The shadow below the eye that is left, against the fitted skin."""
    shadow = np.clip(-darker - np.float32(0.02), 0, closing.hollow_deepest) * ground.zone["under"] * ground.inside
    return ground.blurred(np.asarray(np.float32(closing.hollow_share) * shadow, np.float32), 3.0)


def _shadow_eased(ground: Ground, closing: Closing) -> tuple[F32, F32]:
    """Where a broad smile folds the cheek into deep shadow, 0..1, and the filling there.

    That shadow is wide and open to the mouth, so that a closing fills its rim and leaves a dark comma. It is eased in
    proportion from rim to floor, until the floor is as deep as ``shadow_left``.
    """
    where = wider(ground.zone["cut"]) * ground.inside
    banks = ground.inside * np.square(ground.bare)
    bank = ground.blurred(ground.level * banks, closing.shadow_beside)
    bank /= ground.blurred(banks, closing.shadow_beside) + np.float32(1e-3)
    depth = np.maximum(bank - ground.level, 0) * where
    floor = ground.blurred(morphed(cv2.MORPH_DILATE, depth, closing.shadow_reach * ground.pixel), 3.0)
    low, high = closing.shadow_deep
    deep = np.clip((floor - np.float32(low)) / np.float32(high - low), 0, 1) * where
    eased = depth * (1 - np.float32(closing.shadow_left) / np.maximum(floor, np.float32(low)))
    return np.asarray(deep, np.float32), np.asarray(np.float32(closing.shadow_share) * eased, np.float32)


def softened(ground: Ground, filling: Filling, young: F32, softening: Softening) -> F32:
    """The change of log luma with all other relief softened that a mean young face does not have.

    ``young`` (h2, w2, 3) are the three broadest bands of the mean young face on this face.
    """
    fill = filling.fill - _rolls(ground, filling.lines, softening)
    flat = ground.walled + fill
    means = [flat, *(ground.among_skin(flat, sigma) for sigma in softening.sigmas)]
    calm, shade = np.zeros_like(fill), np.zeros_like(fill)
    crepe = np.float32(softening.crepe) * ground.zone["under"]
    for k, bright in enumerate(softening.bright):
        band, face = means[k] - means[k + 1], young[..., k]
        shade += np.maximum(np.minimum(face, 0) - band, 0)
        gain = np.maximum(np.float32(bright) * ground.matt, crepe)
        calm -= gain * _of_age(np.maximum(band - np.maximum(face, 0), 0), softening.lit)
    calm += _of_age(shade, softening.shadow)
    calm = np.clip(calm, -softening.fall, softening.rise)
    fill = fill + np.float32(softening.share) * calm * ground.zone["relief"] * ground.away * (1 - filling.deep)
    fill = np.maximum(fill, -np.float32(softening.fall))
    return np.asarray(fill * (1 - np.float32(softening.jaw) * ground.zone["jaw"]), np.float32)


def without_crests(ground: Ground, fill: F32, closing: Closing) -> F32:
    """The change of log luma (h2, w2) without the bright spots that it makes: a valley that is filled by several parts
    at once, or whose banks are lit, shines in the skin around it.
    """
    near = ground.blurred(ground.inside, closing.crest_around) + np.float32(1e-3)
    level, filled_near = (
        ground.blurred(ground.inside * part, closing.crest_around) / near for part in (ground.walled, fill)
    )
    height = ground.level - level
    crest = height + fill - filled_near - np.maximum(height, 0) - np.float32(closing.crest)
    return np.asarray(fill - np.clip(crest, 0, np.maximum(fill, 0)), np.float32)


def _of_age(relief: F32, form: float) -> F32:
    """What of ``relief`` (h2, w2), log luma, 0 or more, is age: past ``form`` it is a hard light on the face's form."""
    return np.asarray(relief / (1 + np.square(np.square(relief / np.float32(form)))), np.float32)


def _rolls(ground: Ground, lines: F32, softening: Softening) -> F32:
    """Bright rolls of skin between lines, narrower than ``roll_radius``; where no lines are, there are none."""
    roll = ground.walled - morphed(cv2.MORPH_OPEN, ground.walled, softening.roll_radius * ground.pixel)
    near = np.clip(ground.blurred(lines, 8.0) / np.float32(_LINES), 0, 1)
    roll = np.minimum(roll, softening.roll_highest) * ground.matt * ground.zone["relief"] * near * ground.inside
    return np.asarray(np.float32(softening.rolls) * (roll - ground.blurred(roll, 12.0)), np.float32)
