"""OpenColorIO's answers about one config: the linear space with the primaries of another, and the way there."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from vfxage.arrays import ArrayData, shaped
from vfxage.colour import curves
from vfxage.colour.config import loaded_config, spaces_of
from vfxage.colour.mixed import MixedChannels
from vfxage.errors import ShotError
from vfxage.types import F64

_XYZ = "CIE XYZ-D65 - Scene-referred"

_CLOSE = 1e-4
"""Relative error below which a conversion counts as acting on each channel alone."""

_SAME_CURVE = 1e-3
"""Channels have one curve if they differ by less than this part of their value, or a tenth of this part of white.

Makers round to 16 bits."""

BELOW = 2 * curves.CODES
"""Entries of a curve below code 0: ringing in a log plate reaches there, and log curves are lines there."""


def _letters(name: str) -> str:
    """The letters and digits of a name in lower case: people leave out the rest."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


@dataclass(frozen=True, slots=True, repr=False)
class OwnLinear(ArrayData):
    """The scene-linear space with the primaries of another space."""

    name: str | None
    """None where the config has none."""
    curve: curves.Curve | curves.ChannelCurves | MixedChannels | None
    """From the other space's code values to linear light; None where they are the same."""
    to_xyz: F64 = field(metadata=shaped(3, 3, dtype=np.float64))
    """(3, 3): linear light to CIE XYZ adapted to D65."""
    mixes: bool = False
    """Whether OpenColorIO's own way mixes the channels, which a curve does not."""


class Converter:
    """OpenColorIO's answers about one loaded config, its exceptions translated."""

    def __init__(self, config: Any) -> None:
        import PyOpenColorIO as Ocio

        self._config = config
        spaces = self._config.getColorSpaces(Ocio.SEARCH_REFERENCE_SPACE_SCENE, Ocio.COLORSPACE_ALL)
        names = [space.getName() for space in spaces if not space.isData()]
        self._linear = [name for name in names if self._is_scene_linear(name)]
        if not self._linear:
            raise ShotError("the colour config has no scene-linear space", fix="use another OpenColorIO config")
        to_builtin = Ocio.Config.GetProcessorToBuiltinColorSpace
        self._pivot = self._linear[0]
        self._pivot_to_xyz = self._apply(
            lambda *ends: to_builtin(self._config, *ends), (self._pivot, _XYZ), np.eye(3)
        ).T

    @property
    def fingerprint(self) -> str:
        """Digest of the config's content and of the files it refers to, independent of their paths."""
        return str(self._config.getCacheID())

    def has(self, name: str) -> bool:
        """Whether the config knows it."""
        return self._config.getColorSpace(name) is not None

    def find(self, name: str) -> Any:
        """The colour space of this name, alias or role."""
        space = self._config.getColorSpace(name)
        if space is None:
            spaces = spaces_of(self._config)
            names = {_letters(text): s.getName() for s in spaces for text in (s.getName(), *s.getAliases())}
            near = difflib.get_close_matches(_letters(name), names, n=5, cutoff=0.4)
            choices = list(dict.fromkeys([names[text] for text in near] or names.values()))[:3]
            raise ShotError(
                f'unknown colour space "{name}"', fix="did you mean " + " or ".join(f'"{n}"' for n in choices) + "?"
            )
        if space.isData():
            raise ShotError(f'colour space "{name}" is for data, not for pictures', fix="name the plate's own space")
        return space

    def is_linear(self, name: str) -> bool:
        """Whether code values are proportional to light. Raises ShotError if a file of the space is missing or bad."""
        import PyOpenColorIO as Ocio

        kinds = (Ocio.REFERENCE_SPACE_SCENE, Ocio.REFERENCE_SPACE_DISPLAY)
        try:
            return any(self._config.isColorSpaceLinear(name, kind) for kind in kinds)
        except (Ocio.Exception, Ocio.ExceptionMissingFile) as error:
            what = f'colour space "{name}" cannot be used ({error})'
            raise ShotError(
                what, fix="restore the file of the colour config, or set the variables in its path"
            ) from error

    def _is_scene_linear(self, name: str) -> bool:
        """The same for a scene-referred space; False for one whose file is missing, which a plate may never use."""
        import PyOpenColorIO as Ocio

        try:
            return bool(self._config.isColorSpaceLinear(name, Ocio.REFERENCE_SPACE_SCENE))
        except (Ocio.Exception, Ocio.ExceptionMissingFile):
            return False

    def own_linear(self, name: str, linear: bool) -> OwnLinear:
        """The linear space with the same primaries, and the way there. Raises ShotError for one that mixes channels."""
        if linear:
            return OwnLinear(name, None, self._to_xyz_matrix(name))
        codes = np.arange(-BELOW, 4 * curves.CODES + 1) / curves.CODES
        partner, matrix = self._least(_crosstalk, name, _probes())
        if partner is not None:
            return OwnLinear(partner, _fitting(self._convert(name, partner, _grey(codes))), matrix)
        own = self._unnamed_linear(name, codes)
        if own is not None:
            return own
        partner, matrix = self._least(_stray, name, np.eye(3) / 2)
        if partner is None:
            raise ShotError(f'colour space "{name}" mixes its channels', fix="convert the plate to ACES2065-1 first")
        light = self._convert(name, partner, _grey(codes))
        return OwnLinear(partner, curves.Curve(light[:, 1], BELOW), matrix, mixes=True)

    def _least(self, measure: Callable[[F64], float], name: str, probes: F64) -> tuple[str | None, F64]:
        """The scene-linear space with the least ``measure`` of the probes' light, None above _CLOSE; and its matrix."""
        light = self._to_xyz(name, probes)
        best: tuple[str | None, F64] = (None, np.eye(3))
        least = _CLOSE
        for candidate in self._linear:
            matrix = self._to_xyz_matrix(candidate)
            found = measure(np.linalg.solve(matrix, light.T).T)
            if found < least:
                best, least = (candidate, matrix), found
        return best

    def _unnamed_linear(self, name: str, codes: F64) -> OwnLinear | None:
        """The linear space (without a name) of a space that is a curve for each channel, then a matrix; else None."""
        corners = self._to_xyz(name, np.vstack([np.zeros(3), np.eye(3), np.ones(3)]))
        black, white = corners[0, 1], corners[4, 1]
        if white - black < _CLOSE:
            return None
        matrix = np.ascontiguousarray((corners[1:4] - corners[0]).T / (white - black))
        if abs(np.linalg.det(matrix)) < _CLOSE**2:
            return None
        probe = np.random.default_rng(0).uniform(0.2, 0.8, (64, 3))
        found = self._to_xyz(name, probe)
        grey = self._to_xyz(name, _grey(codes))
        for light in (np.repeat(grey[:, 1:2], 3, axis=1), np.linalg.solve(matrix, grey.T).T):
            parts = [np.interp(probe[:, k], codes, light[:, k]) for k in range(3)]
            expected = np.column_stack(parts) @ matrix.T
            if np.abs(found - expected).max() <= _CLOSE * np.abs(expected).max():
                return OwnLinear(None, _fitting(light), matrix)
        return None

    def _convert(self, source: str, target: str, rgb: F64) -> F64:
        return self._apply(self.processor, (source, target), rgb)

    def processor(self, source: str, target: str) -> Any:
        """OpenColorIO's processor from one space to another. Raises OpenColorIO's exceptions."""
        return self._config.getProcessor(source, target)

    def _to_xyz(self, source: str, rgb: F64) -> F64:
        return np.asarray(self._convert(source, self._pivot, rgb) @ self._pivot_to_xyz.T, np.float64)

    def _to_xyz_matrix(self, source: str) -> F64:
        return np.ascontiguousarray(self._to_xyz(source, np.eye(3)).T)

    def _apply(self, make: Any, ends: tuple[str, str], rgb: F64) -> F64:
        """Convert (N, 3) with OpenColorIO's exact arithmetic (its default is quicker and off by 1e-4)."""
        import PyOpenColorIO as Ocio

        pixels = np.ascontiguousarray(rgb, np.float32).copy()
        try:
            make(*ends).getOptimizedCPUProcessor(Ocio.OPTIMIZATION_LOSSLESS).applyRGB(pixels)
        except (Ocio.Exception, Ocio.ExceptionMissingFile) as error:
            unplaced = "interchange" in str(error)
            raise ShotError(
                f'cannot convert "{ends[0]}" to "{ends[1]}" ({error})',
                fix="give the colour config the role `aces_interchange`" if unplaced else "check the colour config",
            ) from error
        return pixels.astype(np.float64)


def _fitting(light: F64) -> curves.Curve | curves.ChannelCurves:
    """The curve of light (n, 3) at codes -2..4; three where the channels differ between codes 0 and 1."""
    seen = light[BELOW : BELOW + curves.CODES + 1]
    if np.allclose(seen, seen[:, 1:2], rtol=_SAME_CURVE, atol=_SAME_CURVE * float(np.abs(seen).max()) / 10):
        return curves.Curve(light[:, 1], BELOW)
    return curves.ChannelCurves(light, BELOW)


@lru_cache(maxsize=4)
def _converter(loaded: Any) -> Converter:
    return Converter(loaded)


def converter_of(config: str | Path | None) -> Converter:
    """The converter of the config that counts (see ``Colour``), made once for as long as the config stays loaded."""
    return _converter(loaded_config(config))


@lru_cache(maxsize=8)
def own_linear_of(converter: Converter, name: str, linear: bool) -> OwnLinear:
    """``Converter.own_linear``, remembered: a render opens the same few spaces again for each output and check."""
    return converter.own_linear(name, linear)


def _grey(codes: F64) -> F64:
    return np.repeat(codes[:, None], 3, axis=1)


def _probes() -> F64:
    """Greys, then for each channel the same with the two others a little lower, and a little higher."""
    greys = _grey(np.linspace(0.2, 0.8, 7))
    moved = [np.where(np.arange(3) == k, greys, greys + shift) for k, shift in product(range(3), (-0.1, 0.1))]
    return np.vstack([greys, *moved])


def _crosstalk(light: F64) -> float:
    """How far a channel of the probes' light moves, relatively, when only the two others do."""
    still, *moved = np.split(light, 7)
    with np.errstate(divide="ignore", invalid="ignore"):  # a space may clip the probes to black
        return float(max((np.abs(m / still - 1)[:, k // 2]).max() for k, m in enumerate(moved)))


def _stray(light: F64) -> float:
    """How much light three pure primaries leave in other channels: 0 in HLG's own gamut, whatever its system gamma."""
    light = np.abs(light)
    return float((light.sum(axis=1) / np.diag(light) - 1).max())
