"""OpenColorIO's transform of an ICC profile: from code values to CIE XYZ, by a matrix and curves or by lookup tables.

OpenColorIO reads profiles of a matrix and curves from files alone, and none with tables. Its own transforms compute
all that a profile says, and their inverses.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from vfxage.colour.icc import D50, Profile, ProfileError, curve_of
from vfxage.colour.primaries import adaptation
from vfxage.types import F64

_STEPS = 65536
"""Values of a sampled curve: every 16-bit code."""
_DENT = 1e-3
"""How far a curve may fall: makers round the constants of its two parts, which then do not meet."""
_LARGEST_GRID = 129
"""Points on a side of OpenColorIO's largest table."""
_XYZ_RANGE = 65535 / 32768
"""The XYZ that a full code of a table means (ICC.1, 6.3.4.2)."""
_D50_XYZ = (0.9642, 1.0, 0.8249)
_L_GAMMA, _L_OFFSET = 3.0, 0.16
"""The curve of CIE L*, which OpenColorIO has as a power with a straight toe."""


def to_xyz(profile: Profile) -> Any:
    """The transform (OpenColorIO's) of code values 0..1 to CIE XYZ adapted to D65. Raises ProfileError."""
    import PyOpenColorIO as Ocio

    steps = [*_device_to_xyz(profile), _matrix(adaptation(D50))]
    return Ocio.GroupTransform([step for step in steps if step is not None])


def _device_to_xyz(profile: Profile) -> Iterator[Any]:
    """Steps from code values to XYZ adapted to D50."""
    tag = profile.table
    if tag is None or profile.grey:
        yield _curves(profile.curves(np.linspace(0, 1, _STEPS)))
        yield _matrix(profile.columns)
        return
    kind = tag[:4]
    try:
        if kind == b"mAB ":
            yield from _new_table(tag)
            legacy = False
        elif kind in (b"mft1", b"mft2"):
            yield from _old_table(tag)
            legacy = kind == b"mft2"
        else:
            raise ProfileError("it has a table of an unknown kind")
    except (struct.error, ValueError, IndexError) as error:
        raise ProfileError(str(error) if isinstance(error, ProfileError) else "its table is damaged") from error
    if profile.between == "XYZ":
        yield _matrix(np.eye(3) * _XYZ_RANGE)
    else:
        yield from _lab_to_xyz(legacy)


@dataclass(frozen=True, slots=True)
class _Samples:
    """How a table stores its values."""

    place: int
    count: int
    depth: int

    def of(self, tag: bytes) -> F64:
        """The values, 0..1."""
        codes = np.frombuffer(tag, ">u2" if self.depth == 2 else "u1", self.count, self.place)
        return codes / (65535 if self.depth == 2 else 255)


def _new_table(tag: bytes) -> Iterator[Any]:
    """lutAToBType (ICC.1, 10.12): curves A, a table, curves M, a matrix, curves B; all but the last may be absent."""
    if (tag[8], tag[9]) != (3, 3):
        raise ProfileError(f"its table takes {tag[8]} channels to {tag[9]}")
    b, matrix, m, table, a = struct.unpack_from(">5I", tag, 12)
    if table:
        yield _curve_set(tag, a) if a else None
        depth = tag[table + 16]
        grid = tuple(tag[table : table + 3])
        yield _table(_Samples(table + 20, 3 * int(np.prod(grid)), depth).of(tag), grid)
    yield _curve_set(tag, m) if m else None
    if matrix:
        numbers = np.array(struct.unpack_from(">12i", tag, matrix)) / 65536
        yield _matrix(numbers[:9].reshape(3, 3), numbers[9:])
    yield _curve_set(tag, b)


def _old_table(tag: bytes) -> Iterator[Any]:
    """lut8Type and lut16Type (ICC.1, 10.10 and 10.11): input curves, a table, output curves."""
    channels, results, side = tag[8:11]
    if (channels, results) != (3, 3):
        raise ProfileError(f"its table takes {channels} channels to {results}")
    wide = tag[:4] == b"mft2"
    before, after = struct.unpack_from(">2H", tag, 48) if wide else (256, 256)
    place, depth = (52, 2) if wide else (48, 1)
    yield _curves(_resampled(_Samples(place, 3 * before, depth).of(tag)))
    place += 3 * before * depth
    yield _table(_Samples(place, 3 * side**3, depth).of(tag), (side,) * 3)
    place += 3 * side**3 * depth
    yield _curves(_resampled(_Samples(place, 3 * after, depth).of(tag)))


def _resampled(values: F64) -> F64:
    """(_STEPS, 3) of three curves one after the other."""
    places = np.linspace(0, 1, _STEPS)
    return np.column_stack([np.interp(places, np.linspace(0, 1, len(one)), one) for one in np.split(values, 3)])


def _curve_set(tag: bytes, place: int) -> Any:
    """Three curve tags one after the other, each padded to four bytes; None if they change nothing."""
    places, found = np.linspace(0, 1, _STEPS), []
    for _ in range(3):
        values, size = curve_of(tag[place:], places)
        found.append(values)
        place += size + -size % 4
    return _curves(np.column_stack(found))


def _curves(values: F64) -> Any:
    """Curves (_STEPS, 3) of R, G and B; None if they change nothing, as a table would clip."""
    import PyOpenColorIO as Ocio

    rising = np.maximum.accumulate(values, axis=0)
    if not np.isfinite(values).all() or np.abs(rising - values).max() > _DENT:
        raise ProfileError("one of its curves does not rise")
    if np.abs(values - np.linspace(0, 1, _STEPS)[:, None]).max() < 1e-6:
        return None
    curve = Ocio.Lut1DTransform(_STEPS, False)
    curve.setInterpolation(Ocio.INTERP_LINEAR)
    curve.setData(np.ascontiguousarray(rising, np.float32).reshape(-1))
    return curve


def _table(values: F64, grid: tuple[int, ...]) -> Any:
    """A table whose last channel varies fastest, as in OpenColorIO."""
    import PyOpenColorIO as Ocio

    if len(set(grid)) > 1 or not 2 <= grid[0] <= _LARGEST_GRID:
        raise ProfileError(f"its table has {' x '.join(map(str, grid))} points")
    table = Ocio.Lut3DTransform(grid[0])
    table.setInterpolation(Ocio.INTERP_TETRAHEDRAL)
    table.setData(np.ascontiguousarray(values, np.float32))
    return table


def _matrix(matrix: F64, offset: F64 | None = None) -> Any:
    import PyOpenColorIO as Ocio

    if abs(np.linalg.det(matrix)) < 1e-9:
        raise ProfileError("its primaries lie on one line")
    whole = np.eye(4)
    whole[:3, :3] = matrix
    shift = np.zeros(4)
    shift[:3] = 0 if offset is None else offset
    return Ocio.MatrixTransform(whole.reshape(-1).tolist(), shift.tolist())


def _lab_to_xyz(legacy: bool) -> Iterator[Any]:
    """From L*a*b* as a table stores it: a* and b* are differences from L* before its curve is taken off.

    ``legacy``: the 16-bit code of version 2, in which 0xFF00 is 100 and 0x8000 is zero.
    """
    import PyOpenColorIO as Ocio

    lightness, scale, zero = (65535 / 65280, 65535 / 256, 128.0) if legacy else (1.0, 255.0, 128.0)
    per_a, per_b = (1 + _L_OFFSET) / 500, (1 + _L_OFFSET) / 200
    matrix = np.array([[lightness, scale * per_a, 0], [lightness, 0, 0], [lightness, 0, -scale * per_b]])
    yield _matrix(matrix, np.array([-zero * per_a, 0, zero * per_b]))
    power = Ocio.ExponentWithLinearTransform()
    power.setGamma([_L_GAMMA] * 3 + [1.0])
    power.setOffset([_L_OFFSET] * 3 + [0.0])
    yield power
    yield _matrix(np.diag(_D50_XYZ))
