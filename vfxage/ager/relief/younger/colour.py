"""Colour of younger skin: filled folds take the hue beside them, blotches are evened, cheeks and lips gain."""

from __future__ import annotations

import cv2
import numpy as np

from vfxage.ager.relief.skin_view import SkinView, beyond_luma, spread, strongest
from vfxage.ager.relief.younger.ground import Ground
from vfxage.ager.relief.younger.settings import Colour
from vfxage.types import F32

_LIKE_FACE = (0.45, 0.25)
"""Share of the upper face's chroma from which a pixel's colour is skin, and the range over which it fully is: white
beards drag the fitted skin to grey."""
_DARK_HAIR, _DARKEST_HAIR = 0.25, 0.90
"""Log luma below the fitted skin from which lashes and brow hairs are dark, and past which they are dark enough."""
_WHITE_DARKEST, _WHITE_SPAN = -0.45, 0.40
"""Log luma against the fitted skin from which the eye's white shows, and the range over which it fully does."""
_WHITE_TINT = 0.30
"""Log colour past which it is the iris or a blood vessel."""


def coloured(ground: Ground, seen_skin: SkinView, fill: tuple[F32, F32, float], settings: Colour) -> F32:
    """Change of log RGB (h2, w2, 3), half grid, at a strength of 1 and more.

    ``fill`` is the change of log luma, 0..1 where it fills the deep shadow of a fold, which has no colour left, and the
    strength. Past 1, what goes towards the skin around it goes no further than to that.
    The skin's own chroma comes from ``seen_skin.saturation`` times that of portraits; without any, nothing changes.
    """
    hue = beyond_luma(seen_skin.colour)
    skin_like = _like_face(hue, seen_skin)
    weight = np.clip(np.square(seen_skin.bare), 0.01, 1) * ground.inside * skin_like
    filled, deep, strength = fill
    shallow = 1 - deep
    even = np.float32(min(strength, 1 / max(settings.even, 0.1)))
    change = even * _evened(ground, seen_skin, weight, settings) * spread(skin_like * shallow)
    beside = _beside(ground, hue, weight, (filled, deep), settings)
    change += beside * spread(skin_like * shallow + np.float32(settings.beside_deep) * deep)
    own = _cheeks(ground, seen_skin, settings)
    own += _lips(ground, seen_skin, settings)
    own += _whites(seen_skin, hue, settings)
    own += spread(_contrast(ground, seen_skin, settings))
    return np.asarray(change + np.float32(strength) * own, np.float32)


_AROUND = 10.0
"""Sigma, canonical pixels, over which the skin around a shadow is averaged."""
_EVEN = 0.02
"""Log luma by which even skin may lie below the skin around it."""
_COLDER = 0.10
"""Log red over blue by which a shadow is colder than the skin beside it, so that it takes that skin's hue wholly: black
lifted is grey."""
_PORTRAIT_CHROMA = 0.51
"""Log red over blue of portraits' skin."""


def _like_face(hue: F32, seen_skin: SkinView) -> F32:
    """(h2, w2) 0..1 where the colour is skin's, against the shot's skin."""
    chroma = max(_PORTRAIT_CHROMA * seen_skin.saturation, 0.05)
    low, span = _LIKE_FACE
    return np.asarray(np.clip(((hue[..., 0] - hue[..., 2]) / np.float32(chroma) - low) / span, 0, 1), np.float32)


def _average(ground: Ground, image: F32, weight: F32, sigma: float) -> F32:
    """The average (h2, w2, 3) of a colour over ``sigma`` canonical pixels, with weights."""
    total = ground.blurred(weight, sigma) + np.float32(1e-3)
    return np.asarray(ground.blurred(image * spread(weight), sigma) / spread(total), np.float32)


def _beside(ground: Ground, hue: F32, weight: F32, filling: tuple[F32, F32], settings: Colour) -> F32:
    """Filled folds go to the hue of the skin beside them; what a crease's own red adds goes with it.

    ``filling`` is the first two of ``fill`` in ``coloured``. What stays of a shadow is warmer than the skin beside, as
    shaded skin is.
    """
    fill, deep = filling
    left = np.maximum(ground.among_skin(ground.walled, _AROUND) - ground.level - fill - np.float32(_EVEN), 0)
    lit = np.maximum(fill, 0) / (np.maximum(fill, 0) + left + np.float32(1e-3))
    around = _average(ground, spread(ground.level), weight, settings.beside)[..., 0]
    darker = np.clip(around - ground.level - fill, 0, settings.warmed) * np.float32(ground.saturation)
    beside = _average(ground, hue, weight, settings.beside)
    beside += spread(np.asarray(darker, np.float32), settings.warmer)
    share = np.clip(fill / np.float32(settings.beside_depth), 0, 1) * ground.skin * np.float32(settings.beside_share)
    warmer = hue[..., 0] - hue[..., 2] - beside[..., 0] + beside[..., 2]
    share = share * np.maximum.reduce([lit, deep, np.clip(-warmer / np.float32(_COLDER), 0, 1)])
    least, gain = settings.beside_most
    most = spread(np.asarray(np.float32(least) + np.float32(gain) * np.maximum(fill, 0), np.float32))
    return np.asarray(np.clip(beside - hue, -most, most) * spread(share), np.float32)


def _evened(ground: Ground, seen_skin: SkinView, weight: F32, settings: Colour) -> F32:
    """Spots and redness go towards the skin round about, never to the fitted skin: coloured light stays."""
    around = _average(ground, seen_skin.tint, weight, settings.even_reach)
    known = np.clip(2 * ground.blurred(weight, 12.0) - 0.5, 0, 1) * np.clip(1.3 * seen_skin.bare, 0, 1)
    where = known * ground.matt * ground.skin * np.float32(settings.even)
    return np.asarray(np.clip(around - seen_skin.tint, -settings.blotch, settings.blotch) * spread(where), np.float32)


def _cheeks(ground: Ground, seen_skin: SkinView, settings: Colour) -> F32:
    """A little blood and light on the cheeks, as much coloured as the plate's skin is."""
    cheek = ground.zone["cheek"] * seen_skin.bare * ground.skin * ground.matt
    glow = np.float32(seen_skin.saturation) * np.array(settings.glow, np.float32) + np.float32(settings.cheek_light)
    return spread(np.asarray(cheek, np.float32), glow)


def _lips(ground: Ground, seen_skin: SkinView, settings: Colour) -> F32:
    """The lips' colour against the skin grows, and pale lips get back some of the red that young lips have."""
    lips = seen_skin.masks["lips"] * seen_skin.seen * (1 - ground.zone["mouth"]) * np.float32(settings.lips)
    contrast = beyond_luma(seen_skin.colour - seen_skin.light)
    red = contrast[..., 0] - contrast[..., 1]
    missing = np.clip(np.float32(settings.lips_red * seen_skin.saturation) - red, 0, settings.lips_red)
    grown = np.clip(contrast, -settings.lips_most, settings.lips_most)
    return np.asarray((grown + spread(missing, np.array(settings.lips_pale, np.float32))) * spread(lips), np.float32)


def _whites(seen_skin: SkinView, hue: F32, settings: Colour) -> F32:
    """The white of the eye clears."""
    white = (
        np.clip((seen_skin.darker - np.float32(_WHITE_DARKEST)) / np.float32(_WHITE_SPAN), 0, 1)
        * seen_skin.masks["eyes"]
    )
    white *= cv2.exp(-np.square(strongest(seen_skin.tint) / np.float32(_WHITE_TINT))) * seen_skin.seen
    clear = np.float32(settings.sclera_light) - np.float32(settings.sclera_clear) * hue
    return np.asarray(clear * spread(white), np.float32)


def _contrast(ground: Ground, seen_skin: SkinView, settings: Colour) -> F32:
    """Lashes and brow hairs that are dark get darker; what is not dark already stays, so nothing is drawn.

    An iris and the rims of spectacles are dark too, and stay. A brow is as dark as it is against the skin beside it, so
    that one in shade is drawn no more than the other.
    """
    lashes = np.float32(settings.lashes) * np.clip(1.3 * seen_skin.masks["eyes"], 0, 1) * (1 - ground.zone["iris"])
    strand = np.clip((ground.blurred(ground.level, 9.0) - ground.level) / np.float32(0.08), 0, 1)
    brows = np.float32(settings.brows) * seen_skin.masks["brows"] * strand
    beside = ground.blurred(ground.level * ground.skin, _AROUND) / (ground.blurred(ground.skin, _AROUND) + 1e-3)
    hair = lashes * _dark(-seen_skin.darker) + brows * _dark(np.asarray(beside - ground.level, np.float32))
    return np.asarray(-hair * seen_skin.seen * ground.clear, np.float32)


def _dark(depth: F32) -> F32:
    """How much of a depth (h2, w2), log luma, is the darkness of hair."""
    return np.asarray(np.clip(depth - np.float32(_DARK_HAIR), 0, _DARKEST_HAIR - _DARK_HAIR), np.float32)
