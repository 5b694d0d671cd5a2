"""ICC profiles of pictures (ICC.1): their tags and curves, and which named colour space one is, whatever it is called.

``icc_transform`` makes OpenColorIO's transform of any other profile.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from vfxage.colour.cicp import LINEAR_709, SRGB
from vfxage.colour.curves import srgb_decode
from vfxage.colour.primaries import PRIMARIES, matrix_to_xyz
from vfxage.types import F64

D50 = (0.3457, 0.3585)
"""White (x, y) of the space between two profiles."""
_PLACES = np.linspace(0, 1, 65)
_CURVE_ERROR = 2e-3
"""Tolerance of linear light; the sRGB curve and a gamma of 2.2 differ by 8e-3."""
_MATRIX_ERROR = 2e-3
"""Makers round primaries and white; the nearest two gamuts are 0.02 apart."""
_SAMPLES = 4096
"""Values of a curve that is written: between two of them, L* is straight to a code of 16 bits."""
_MOST_TAGS = 100
_LONGEST_NAME = 64

RGB_CURVES = (b"rTRC", b"gTRC", b"bTRC")
RGB_COLUMNS = (b"rXYZ", b"gXYZ", b"bXYZ")
GREY_CURVE = b"kTRC"
_TABLES = (b"A2B0", b"A2B1", b"A2B2")
"""Tags of lookup tables: perceptual, relative colorimetric, saturation."""

_ENCODED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    LINEAR_709: ("Rec.709", ("Gamma 1.8", "Gamma 2.2", "Gamma 2.4")),
    "Linear P3-D65": ("P3-D65", ("sRGB",)),
    "Linear AdobeRGB": ("AdobeRGB", ("Gamma 2.2",)),
    "ACEScg": ("AP1", ("sRGB", "Gamma 2.2")),
}
"""By gamut: its short name in OpenColorIO's spaces, and the curves with which there is one."""


class ProfileError(ValueError):
    """A profile that is damaged, or that is not for R, G, B or grey; the text says why."""


@dataclass(frozen=True, slots=True)
class Profile:
    """An ICC profile of RGB or grey pictures."""

    data: bytes = field(repr=False)
    grey: bool
    between: Literal["XYZ", "Lab"]
    """The space that tables lead to."""
    intent: int
    """The rendering intent that the profile is for: 0 perceptual, 1 relative colorimetric, 2 saturation, 3 absolute."""
    tags: Mapping[bytes, bytes] = field(repr=False)

    @property
    def name(self) -> str:
        """What the profile calls itself and a digest: profiles that differ have different names."""
        return f"{description(self.tags.get(b'desc', b''))} (ICC {hashlib.sha256(self.data).hexdigest()[:8]})"

    @property
    def table(self) -> bytes | None:
        """The tag of the lookup table for the profile's intent; None if it has a matrix and curves alone."""
        wanted = _TABLES[self.intent] if self.intent < len(_TABLES) else _TABLES[1]
        return next((self.tags[name] for name in (wanted, *_TABLES) if name in self.tags), None)

    @property
    def linear(self) -> bool:
        """Whether codes are proportional to light. Raises ProfileError."""
        return self.table is None and bool(np.abs(self.curves(_PLACES) - _PLACES[:, None]).max() < 1e-6)

    @property
    def columns(self) -> F64:
        """(3, 3): linear R, G, B to CIE XYZ adapted to D50. Raises ProfileError."""
        if self.grey:
            return matrix_to_xyz(PRIMARIES[LINEAR_709], D50)
        return np.column_stack([_xyz(self.tag(name)) for name in RGB_COLUMNS])

    def curves(self, places: F64) -> F64:
        """(N, 3): light of R, G and B at codes 0..1; grey is three times the same. Raises ProfileError."""
        if not self.grey:
            return np.column_stack([curve_of(self.tag(name), places)[0] for name in RGB_CURVES])
        light = curve_of(self.tag(GREY_CURVE), places)[0]
        if self.between == "Lab":  # the curve gives L*
            light = np.where(light > 0.08, ((light + 0.16) / 1.16) ** 3, light * 2700 / 24389)
        return np.column_stack([light] * 3)

    def tag(self, name: bytes) -> bytes:
        """The content of a tag. Raises ProfileError without it."""
        if name not in self.tags:
            raise ProfileError(f"it has no tag {name.decode('latin-1')}")
        return self.tags[name]


def parse_profile(data: bytes) -> Profile:
    """Read the header and the tags. Raises ProfileError."""
    if len(data) < 132 or data[36:40] != b"acsp":
        raise ProfileError("it is damaged")
    device, between = data[16:20], data[20:24]
    if device not in (b"RGB ", b"GRAY"):
        raise ProfileError(f"it is for {device.decode('latin-1').strip()}, not for R, G, B or grey")
    if between not in (b"XYZ ", b"Lab "):
        raise ProfileError("it leads to another device, not to CIE XYZ or L*a*b*")
    (intent,) = struct.unpack_from(">I", data, 64)
    return Profile(
        data=data,
        grey=device == b"GRAY",
        between="XYZ" if between == b"XYZ " else "Lab",
        intent=intent & 0xFFFF,
        tags=_tags(data),
    )


def named_space(profile: Profile) -> str | None:
    """OpenColorIO name of a profile's space; None if it has tables, or matches no named space."""
    if profile.table is not None:
        return None
    with np.errstate(all="ignore"):
        try:
            light, columns = profile.curves(_PLACES), profile.columns
        except ProfileError:
            return None
        if np.abs(light - light[:, :1]).max() > _CURVE_ERROR:
            return None
        return _named(_curve_name(light[:, 0]), _gamut(columns))


def profile_of_rgb(data: bytes) -> bytes:
    """The profile as one for R, G, B: a grey one becomes a profile of three equal curves; others stay as they are."""
    try:
        profile = parse_profile(data)
        if not profile.grey:
            return data
        curve, columns = _curve_of_light(profile), profile.columns
    except ProfileError:
        return data
    kept = {name: profile.tags[name] for name in (b"desc", b"cprt", b"wtpt", b"chad") if name in profile.tags}
    made = [b"XYZ " + bytes(4) + struct.pack(">3i", *np.rint(column * 65536).astype(int)) for column in columns.T]
    colours = {**dict(zip(RGB_COLUMNS, made, strict=True)), **dict.fromkeys(RGB_CURVES, curve)}
    return _assembled(data[:128], kept | colours)


def _curve_of_light(profile: Profile) -> bytes:
    """The curve tag of a grey profile, as one that leads to light where it leads to L*."""
    if profile.between == "XYZ":
        return profile.tag(GREY_CURVE)
    light = profile.curves(np.linspace(0, 1, _SAMPLES))[:, 0]
    codes: bytes = np.rint(light * 65535).astype(">u2").tobytes()
    return b"curv" + bytes(4) + struct.pack(">I", _SAMPLES) + codes


def description(tag: bytes) -> str:
    """The text of a profile's ``desc`` tag, of version 2 or 4, in one line."""
    if tag[:4] == b"desc" and len(tag) > 12:
        (size,) = struct.unpack_from(">I", tag, 8)
        text = tag[12 : 12 + size].partition(b"\0")[0].decode("latin-1")
    elif tag[:4] == b"mluc" and len(tag) >= 28:
        size, place = struct.unpack_from(">II", tag, 20)
        text = tag[place : place + size].decode("utf-16-be", "replace")
    else:
        text = ""
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return plain[:_LONGEST_NAME].strip() or "without a name"


def _assembled(head: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    """A profile for R, G, B to XYZ with these tags; ``head`` gives its other fields."""
    place, index, body = 132 + 12 * len(tags), b"", b""
    for name, value in tags.items():
        index += struct.pack(">4sII", name, place + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    whole = bytearray(head + struct.pack(">I", len(tags)) + index + body)
    whole[:4], whole[16:24], whole[84:100] = struct.pack(">I", len(whole)), b"RGB XYZ ", bytes(16)
    return bytes(whole)


def _tags(data: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", data, 128)
    tags = {}
    for place in range(132, 132 + 12 * min(count, _MOST_TAGS), 12):
        if place + 12 > len(data):
            raise ProfileError("it is damaged")
        name, offset, size = struct.unpack_from(">4sII", data, place)
        tags[name] = data[offset : offset + size]
    return tags


def _xyz(tag: bytes) -> F64:
    if len(tag) < 20:
        raise ProfileError("it is damaged")
    return np.array(struct.unpack_from(">3i", tag, 8)) / 65536


def curve_of(tag: bytes, places: F64) -> tuple[F64, int]:
    """Values of a curve tag at places 0..1, and how many bytes the curve takes. Raises ProfileError."""
    if len(tag) < 12:
        raise ProfileError("one of its curves is damaged")
    try:
        if tag[:4] == b"para":
            return _parametric(tag, places)
        if tag[:4] == b"curv":
            return _sampled(tag, places)
    except (struct.error, IndexError, ValueError) as error:
        raise ProfileError("one of its curves is damaged") from error
    raise ProfileError("one of its curves is of an unknown kind")


def _sampled(tag: bytes, places: F64) -> tuple[F64, int]:
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return places, 12
    codes = np.frombuffer(tag, ">u2", count, 12)
    if count == 1:
        return np.asarray(places ** (codes[0] / 256), np.float64), 14
    return np.interp(places, np.linspace(0, 1, count), codes / 65535), 12 + 2 * count


def _parametric(tag: bytes, places: F64) -> tuple[F64, int]:
    """ICC.1, 10.18: a power, of a line, plus a constant, and below a place another line."""
    (kind,) = struct.unpack_from(">H", tag, 8)
    count = (1, 3, 4, 5, 7)[kind]
    g, *rest = (value / 65536 for value in struct.unpack_from(f">{count}i", tag, 12))
    a, b, *rest = rest or (1.0, 0.0)
    size = 12 + 4 * count
    if kind in (1, 2):
        place, offset = -b / a if a else 0.0, rest[0] if rest else 0.0
        return np.where(place <= places, np.maximum(a * places + b, 0) ** g, 0) + offset, size
    slope, place, above, below = (*rest, 0.0, 0.0)[:4] if rest else (0.0, -1.0, 0.0, 0.0)
    light = np.maximum(a * places + b, 0) ** g + above
    return np.where(place <= places, light, slope * places + below), size


def _curve_name(curve: F64) -> str | None:
    known = {"Linear": _PLACES, "sRGB": srgb_decode(_PLACES.astype(np.float32)).astype(np.float64)}
    known |= {f"Gamma {gamma}": _PLACES**gamma for gamma in (1.8, 2.2, 2.4)}
    error = {name: float(np.abs(curve - light).max()) for name, light in known.items()}
    best = min(error, key=lambda name: error[name])
    return best if error[best] < _CURVE_ERROR else None


def _gamut(to_d50: F64) -> str | None:
    """The linear space whose primaries, adapted to D50 as ICC asks, are these."""
    error = {name: float(np.abs(matrix_to_xyz(known, D50) - to_d50).max()) for name, known in PRIMARIES.items()}
    best = min(error, key=lambda name: error[name])
    return best if error[best] < _MATRIX_ERROR else None


def _named(curve: str | None, gamut: str | None) -> str | None:
    if gamut is None or curve == "Linear":
        return gamut
    if (curve, gamut) == ("sRGB", LINEAR_709):
        return SRGB
    name, curves = _ENCODED.get(gamut, ("", ()))
    return f"{curve} Encoded {name}" if curve in curves else None
