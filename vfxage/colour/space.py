"""Named colour spaces to scene-linear and to the model's encoding and back, with OpenColorIO.

The plate's linear space is the scene-linear space with the plate's own primaries: the one to which the conversion acts
on each channel alone. So a code value becomes linear by a table, and back exactly. The model's encoding is
display-referred sRGB (Rec.709 primaries, IEC 61966-2-1), unclamped.
"""

from __future__ import annotations

import copy
import difflib
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from vfxage.colour import curves
from vfxage.colour.cicp import LINEAR_709, STANDARD
from vfxage.colour.primaries import PRIMARIES
from vfxage.errors import ShotError
from vfxage.types import F32, F64, U8

BUILTIN = "studio-config-v2.2.0_aces-v1.3_ocio-v2.4"
"""OpenColorIO's own config that counts where neither the shot nor $OCIO names one."""

REFERENCE_WHITE = 2.03
"""Linear value of diffuse white in HDR video (203 cd/m2, ITU-R BT.2408) where 1.0 is 100 cd/m2."""

_URI = "ocio://"

_XYZ = "CIE XYZ-D65 - Scene-referred"

D65 = (0.3127, 0.329)

_CLOSE = 1e-4
"""Relative error below which a conversion counts as acting on each channel alone."""

_BELOW = 2 * curves.CODES
"""Entries of a curve below code 0: ringing in a log plate reaches there, and log curves are lines there."""

_SAME_GAMUT = 0.007
"""Makers adapt their D65 to ACES' white by CAT02, this module by Bradford: up to 0.006 in a matrix element."""


def known_spaces(config: str | Path | None = None) -> list[str]:
    """Names of the config's colour spaces, in its order, without those for data."""
    return [space.getName() for space in _spaces(loaded_config(config)) if not space.isData()]


def described_spaces(config: str | Path | None = None) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Name, family, encoding, and the other names (aliases, then roles) of the spaces of ``known_spaces``."""
    loaded = loaded_config(config)
    roles = [(role, space) for role, space in loaded.getRoles() if space]
    spaces = [space for space in _spaces(loaded) if not space.isData()]
    return [
        (
            space.getName(),
            space.getFamily(),
            space.getEncoding(),
            (*space.getAliases(), *(role for role, name in roles if name == space.getName())),
        )
        for space in spaces
    ]


def builtin_configs() -> list[tuple[str, str]]:
    """(ocio:// URI, description) of the configs that the installed OpenColorIO has built in."""
    import PyOpenColorIO as Ocio

    return [(_URI + name, text) for name, text, *_ in Ocio.BuiltinConfigRegistry().getBuiltinConfigs()]


class Colour:
    """One colour space of a plate: to linear and back, to the model's encoding and back.

    ``name`` may be an alias or a role of the config. The config is ``config`` (a path or ocio:// URI), else $OCIO, else
    OpenColorIO's built-in ``BUILTIN``. If the config does not have a name that headers give (``STANDARD``,
    ``PRIMARIES``), the built-in one is used.
    Raises ShotError for a bad config, an unknown name (with the nearest name), a space for data, and a space whose
    channels depend on each other (ADX). All methods are pure and thread-safe.

    HDR video (PQ, HLG) is linear in units of 100 cd/m2, as in OpenColorIO; only the model's encoding and ``to_sdr8``
    put diffuse white (203 cd/m2) at 1. HLG's system gamma, which mixes the channels, is applied to each channel alone
    (ITU-R BT.2390, 6.2): greys equal OpenColorIO's, and the inverse is exact.
    """

    def __init__(self, name: str, config: str | Path | None = None) -> None:
        ocio = _Converter(config)
        if (name in STANDARD or name in PRIMARIES) and not ocio.has(name):
            ocio = _Converter(BUILTIN)
        space = ocio.find(name)
        self.name: str = space.getName()
        """Canonical."""
        self.fingerprint: str = f"{self.name} {ocio.fingerprint}"
        """The same wherever the config lies, another when its content changes."""
        self.linear: bool = ocio.is_linear(self.name)
        self.linear_name: str | None
        """The linear space with the same primaries; None where the config has none (P3-DCI)."""
        self.mixes: bool
        """Whether OpenColorIO's own way to ``linear_name`` mixes the channels (HLG), which ``to_linear`` does not."""
        self.linear_name, values, to_xyz, self.mixes = ocio.own_linear(self.name, self.linear)
        self._curve = None if values is None else curves.Curve(values, _BELOW)
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
        """(65536,) linear at code / 65535; the codes themselves in a linear space."""
        if self._curve is None:
            return (np.arange(curves.CODES + 1) / curves.CODES).astype(np.float32)
        return self._curve.table()

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


def _chromaticities(to_xyz: F64) -> tuple[float, ...]:
    """The published ones where the matrix is theirs, else those of the matrix itself (adapted to D65)."""
    distance = {known: float(np.abs(matrix_to_xyz(known) - to_xyz).max()) for known in PRIMARIES.values()}
    best = min(distance, key=lambda known: distance[known])
    if distance[best] < _SAME_GAMUT:
        return best
    colours = np.column_stack([to_xyz, to_xyz.sum(axis=1)])
    return tuple(float(value) for value in (colours[:2] / colours.sum(axis=0)).T.reshape(-1))


def matrix_to_xyz(chromaticities: Sequence[float], adapted: tuple[float, float] = D65) -> F64:
    """(3, 3) RGB to CIE XYZ, adapted by Bradford to a white (x, y) (SMPTE RP 177; Lindbloom)."""

    def xyz(x: float, y: float) -> F64:
        return np.array([x / y, 1.0, (1 - x - y) / y])

    points = np.asarray(chromaticities, np.float64).reshape(4, 2)
    columns = np.column_stack([[x, y, 1 - x - y] for x, y in points[:3]])
    white, wanted = xyz(*points[3]), xyz(*adapted)
    matrix = columns * np.linalg.solve(columns, white)
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    adaptation = np.linalg.solve(bradford, ((bradford @ wanted) / (bradford @ white))[:, None] * bradford)
    return np.asarray(adaptation @ matrix, np.float64)


@lru_cache(maxsize=4)
def _load(source: str, origin: str) -> Any:
    import PyOpenColorIO as Ocio

    try:
        if source == BUILTIN:
            return Ocio.Config.CreateFromBuiltinConfig(BUILTIN)
        return Ocio.Config.CreateFromFile(source)
    except (Ocio.Exception, Ocio.ExceptionMissingFile) as error:
        raise ShotError(f"{origin} {source} cannot be loaded ({error})", fix=_another_config(source)) from error


def _another_config(source: str) -> str:
    """What to write instead of a config that cannot be loaded."""
    uris = [uri for uri, _ in builtin_configs()]
    meant = _URI + Path(source).name
    if source.startswith(_URI) or meant in uris:
        near = difflib.get_close_matches(meant, uris, n=3, cutoff=0.3) or uris
        return f"name a config file, or a built-in config of OpenColorIO: {' or '.join(near)}"
    return "name an OpenColorIO config file"


def loaded_config(config: str | Path | None) -> Any:
    """The config that counts (see ``Colour``), as OpenColorIO's object."""
    if config is not None:
        return _load(str(config), "the colour config")
    return _load(os.environ.get("OCIO") or BUILTIN, "the colour config of $OCIO")


def config_text(config: str | Path | None = None) -> str:
    """The config that counts (see ``Colour``) as the text of a config file."""
    return str(loaded_config(config).serialize())


def forget_configs() -> None:
    """Load configs again when they are used next: the environment that they were loaded in has changed."""
    _load.cache_clear()


def _spaces(config: Any) -> list[Any]:
    import PyOpenColorIO as Ocio

    return list(config.getColorSpaces(Ocio.SEARCH_REFERENCE_SPACE_ALL, Ocio.COLORSPACE_ALL))


def _letters(name: str) -> str:
    """A name without what people leave out."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


class _Converter:
    """OpenColorIO's answers about one config, its exceptions translated."""

    def __init__(self, config: str | Path | None) -> None:
        import PyOpenColorIO as Ocio

        self._config = loaded_config(config)
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
            spaces = _spaces(self._config)
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

    def own_linear(self, name: str, linear: bool) -> tuple[str | None, F64 | None, F64, bool]:
        """The linear space with the same primaries: its name, linear at codes -2..4, matrix to XYZ (D65), mixing."""
        if linear:
            return name, None, self._to_xyz_matrix(name), False
        codes = np.arange(-_BELOW, 4 * curves.CODES + 1) / curves.CODES
        mixes = False
        partner, matrix = self._least(_crosstalk, name, _probes())
        if partner is None:
            own = self._unnamed_linear(name, codes)
            if own is not None:
                return None, *own, False
            partner, matrix = self._least(_stray, name, np.eye(3) / 2)
            mixes = True
        if partner is None:
            raise ShotError(f'colour space "{name}" mixes its channels', fix="convert the plate to ACES2065-1 first")
        return partner, self._convert(name, partner, _grey(codes))[:, 1], matrix, mixes

    def _least(self, measure: Callable[[F64], float], name: str, probes: F64) -> tuple[str | None, F64]:
        """The scene-linear space in which the probes' light has the least of a measure (None if more than _CLOSE)."""
        light = self._to_xyz(name, probes)
        best: tuple[str | None, F64] = (None, np.eye(3))
        least = _CLOSE
        for candidate in self._linear:
            matrix = self._to_xyz_matrix(candidate)
            found = measure(np.linalg.solve(matrix, light.T).T)
            if found < least:
                best, least = (candidate, matrix), found
        return best

    def _unnamed_linear(self, name: str, codes: F64) -> tuple[F64, F64] | None:
        """Curve and matrix of a space that is one curve and then a matrix, its linear space unnamed; else None."""
        corners = self._to_xyz(name, np.vstack([np.zeros(3), np.eye(3), np.ones(3)]))
        black, white = corners[0, 1], corners[4, 1]
        matrix = (corners[1:4] - corners[0]).T / (white - black)
        probe = np.random.default_rng(0).uniform(0.2, 0.8, (64, 3))
        curve = self._to_xyz(name, _grey(codes))[:, 1]
        expected = np.interp(probe, codes, curve) @ matrix.T
        if np.abs(self._to_xyz(name, probe) - expected).max() > _CLOSE * np.abs(expected).max():
            return None
        return curve, matrix

    def _convert(self, source: str, target: str, rgb: F64) -> F64:
        return self._apply(self._config.getProcessor, (source, target), rgb)

    def _to_xyz(self, source: str, rgb: F64) -> F64:
        return np.asarray(self._convert(source, self._pivot, rgb) @ self._pivot_to_xyz.T, np.float64)

    def _to_xyz_matrix(self, source: str) -> F64:
        return self._to_xyz(source, np.eye(3)).T

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
    return float(max((np.abs(m / still - 1)[:, k // 2]).max() for k, m in enumerate(moved)))


def _stray(light: F64) -> float:
    """How much light three pure primaries leave in other channels: 0 in HLG's own gamut, whatever its system gamma."""
    light = np.abs(light)
    return float((light.sum(axis=1) / np.diag(light) - 1).max())
