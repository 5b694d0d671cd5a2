"""Named colour spaces to scene-linear and to the model's encoding and back, with OpenColorIO.

The plate's linear space is the scene-linear space with the plate's own primaries: the one to which the conversion acts
on each channel alone. So a code value becomes linear by a table, and back exactly. The model's encoding is
display-referred sRGB (Rec.709 primaries, IEC 61966-2-1), unclamped.
"""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np

from vfxage.colour import curves
from vfxage.colour.cicp import LINEAR_709, STANDARD
from vfxage.colour.config import BUILTIN
from vfxage.colour.converter import Converter, converter_of, own_linear_of
from vfxage.colour.icc import Profile, ProfileError, parse_profile
from vfxage.colour.icc_converter import ProfileConverter
from vfxage.colour.primaries import PRIMARIES, matrix_to_xyz
from vfxage.errors import ShotError
from vfxage.types import F32, F64, U8, ClipInfo

REFERENCE_WHITE = 2.03
"""Linear value of diffuse white in HDR video (203 cd/m2, ITU-R BT.2408) where 1.0 is 100 cd/m2."""

_SAME_GAMUT = 0.007
"""Makers adapt their D65 to ACES' white by CAT02, this module by Bradford: up to 0.006 in a matrix element."""


class Colour:
    """One colour space of a plate: to linear and back, to the model's encoding and back.

    ``name`` may be an alias or a role of the config. The config is ``config`` (a path or ocio:// URI), else $OCIO, else
    OpenColorIO's built-in ``BUILTIN``. If the config does not have a name that headers give (``STANDARD``,
    ``PRIMARIES``), the built-in one is used.
    ``profile`` is the ICC profile of the plate: its own name (``icc.Profile.name``) means the space that it describes.
    Raises ShotError for a bad config, an unknown name (with the nearest name), a space for data, and a space whose
    channels depend on each other (ADX). All methods are pure and thread-safe.

    HDR video (PQ, HLG) is linear in units of 100 cd/m2, as in OpenColorIO; only the model's encoding and ``to_sdr8``
    put diffuse white (203 cd/m2) at 1. HLG's system gamma, which mixes the channels, is applied to each channel alone
    (ITU-R BT.2390, 6.2): greys equal OpenColorIO's, and the inverse is exact.
    """

    def __init__(self, name: str, config: str | Path | None = None, profile: bytes = b"") -> None:
        ocio, self.in_config = _converter(name, config, profile)
        """Whether ``name`` is known to a config: other programs do not know the space of a profile by its name."""
        space = ocio.find(name)
        self.name: str = space.getName()
        """Canonical."""
        self.fingerprint: str = f"{self.name} {ocio.fingerprint}"
        """The same wherever the config lies, another when its content changes."""
        self.linear: bool = ocio.is_linear(self.name)
        look_up = own_linear_of if self.in_config else type(ocio).own_linear
        own = look_up(ocio, self.name, self.linear)
        self.linear_name: str | None = own.name
        """The linear space with the same primaries; None where the config has none (P3-DCI)."""
        self.mixes: bool = own.mixes
        """Whether OpenColorIO's own way to ``linear_name`` mixes the channels (HLG), which a curve does not."""
        self._curve = own.curve
        to_xyz = own.to_xyz
        self.video: bool = space.getEncoding() in ("sdr-video", "hdr-video")
        """Whether the codes are those of a monitor's picture, so that they need no view to be shown."""
        self.to_xyz: F64 = to_xyz
        """(3, 3): light of the linear space to CIE XYZ adapted to D65."""
        self.chromaticities: tuple[float, ...] = _chromaticities(to_xyz)
        """Chromaticities of the linear space: rx ry gx gy bx by wx wy."""
        to_709: F64 = np.linalg.solve(matrix_to_xyz(PRIMARIES[LINEAR_709]), to_xyz)
        if np.abs(to_709 - np.eye(3)).max() < 1e-5:
            to_709 = np.eye(3)
        if space.getEncoding() == "hdr-video":
            to_709 = to_709 / REFERENCE_WHITE
        plain = np.array_equal(to_709, np.eye(3))
        self._to_709 = None if plain else to_709
        self._from_709 = None if plain else np.linalg.inv(to_709)

    def __repr__(self) -> str:
        return f"Colour({self.name!r}, linear={self.linear_name!r})"

    def exposed(self, stops: float) -> Colour:
        """The same space, its light shown to the model brighter by ``stops``: ``decode`` takes them back again."""
        if stops == 0:
            return self
        other = copy.copy(self)
        gain = 2.0**stops
        other._to_709 = gain * (np.eye(3) if self._to_709 is None else self._to_709)
        other._from_709 = (np.eye(3) if self._from_709 is None else self._from_709) / gain
        return other

    def table(self) -> F32:
        """(65536,) linear at code / 65535, where there is ``one_curve``."""
        return self.to_linear((np.arange(curves.CODES + 1) / curves.CODES).astype(np.float32))

    @property
    def one_curve(self) -> bool:
        """Whether one curve takes the codes of every channel to light, so that ``to_linear`` takes a ramp of any shape.

        The channels of some ICC profiles have curves of their own, or depend on each other.
        """
        return self._curve is None or isinstance(self._curve, curves.Curve)

    def to_linear(self, code: F32) -> F32:
        """Code values (..., 3) to linear in the plate's own primaries; the very array in a linear space.

        Between 16-bit codes the curve is straight, below 0 it is mirrored and beyond its ends it goes on straight.
        """
        return code if self._curve is None else self._curve.to_linear(code)

    def from_linear(self, rgb: F32) -> F32:
        """Linear (..., 3) to code values, unclamped: the inverse of ``to_linear`` to about 1e-6."""
        return rgb if self._curve is None else self._curve.to_code(rgb)

    def encode(self, rgb: F32) -> F32:
        """Linear (..., 3) to display-referred sRGB, unclamped; NaN counts as 0, infinity as 1e9."""
        return curves.srgb_encode(rgb, self._to_709)

    def decode(self, srgb: F32) -> F32:
        """Display-referred sRGB (..., 3) to linear: the inverse of ``encode`` to about 2e-6."""
        return curves.srgb_decode(srgb, self._from_709)

    def to_709(self, rgb: F32) -> F32:
        """Linear (..., 3) to linear Rec.709 light with diffuse white at 1, unclamped; NaN counts as 0."""
        return curves.light_709(rgb, self._to_709)

    def to_sdr8(self, rgb: F32) -> U8:
        """Linear (..., 3) to 8-bit sRGB, clipped, NaN black: for previews."""
        return curves.srgb8(rgb, self._to_709)


def _converter(name: str, config: str | Path | None, profile: bytes) -> tuple[Converter, bool]:
    """The config to ask, and whether the name is from a config: those of headers are in the built-in one."""
    own = _parsed(profile)
    if own is not None and own.name == name:
        try:
            return ProfileConverter(own), False
        except ProfileError as error:
            raise ShotError(f"the ICC profile of {name} cannot be used: {error}", fix="name a colour space") from error
    ocio = converter_of(config)
    if (name in STANDARD or name in PRIMARIES) and not ocio.has(name):
        ocio = converter_of(BUILTIN)
    return ocio, True


def _parsed(profile: bytes) -> Profile | None:
    try:
        return parse_profile(profile)
    except ProfileError:
        return None


def plate_colour(clip: ClipInfo, config: str | Path | None = None) -> Colour:
    """The colour of a plate, which names its colour space or has an ICC profile. Raises ShotError."""
    if clip.colorspace is None:
        raise ShotError("the plate names no colour space", path=clip.path, fix="name it: `colorspace:`")
    return Colour(clip.colorspace, config, clip.tags.profile)


def _chromaticities(to_xyz: F64) -> tuple[float, ...]:
    """The published ones where the matrix is theirs, else those of the matrix itself (adapted to D65)."""
    distance = {known: float(np.abs(matrix_to_xyz(known) - to_xyz).max()) for known in PRIMARIES.values()}
    best = min(distance, key=lambda known: distance[known])
    if distance[best] < _SAME_GAMUT:
        return best
    colours = np.column_stack([to_xyz, to_xyz.sum(axis=1)])
    return tuple(float(value) for value in (colours[:2] / colours.sum(axis=0)).T.reshape(-1))
