"""ICC profiles made by hand, word for word as ICC.1 has them, and what littlecms makes of their pictures."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image, ImageCms

# Columns as the makers' own profiles have them, adapted to D50.
REC709 = (0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410)
DISPLAY_P3 = (0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)
ADOBE = (0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)
PROPHOTO = (0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491)
CAMERA = (0.45427, 0.24263, 0.01482), (0.35332, 0.67441, 0.09042), (0.15661, 0.08336, 0.71953)
"""Primaries that no named space has."""

D50 = np.array([0.9642, 1.0, 0.8249])
_POWERS = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
PARA_SRGB = b"para" + bytes(4) + struct.pack(">HH5i", 3, 0, *(round(value * 65536) for value in _POWERS))
LINEAR = b"curv" + bytes(8)
_EXACT = ImageCms.Flags.NOOPTIMIZE
"""littlecms' flag against tables that are coarser than the profile."""


def gamma(value: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IHH", 1, round(value * 256), 0)


def sampled_srgb() -> bytes:
    codes = np.linspace(0, 1, 1024)
    light = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    return b"curv" + bytes(4) + struct.pack(">I", 1024) + np.rint(light * 65535).astype(">u2").tobytes()


def profile(columns, *curves: bytes, name: str = "house") -> bytes:
    """A display profile, version 2, of a matrix and one curve, or one for each channel."""
    tags = dict(zip((b"rTRC", b"gTRC", b"bTRC"), curves if len(curves) == 3 else curves * 3, strict=True))
    for letter, column in zip(b"rgb", columns, strict=True):
        tags[bytes([letter]) + b"XYZ"] = b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in column))
    return assembled(tags, b"RGB XYZ ", name)


def grey_profile(curve: bytes, between: bytes = b"XYZ ") -> bytes:
    return assembled({b"kTRC": curve}, b"GRAY" + between, "grey house")


def old_table(depth: int, side: int = 9) -> bytes:
    """Tables of 8 or 16 bits to L*a*b*, as scanners have them (lut8Type, lut16Type)."""
    lab = _lab(_light(side))
    if depth == 8:
        scaled = np.stack([lab[..., 0] * 2.55, lab[..., 1] + 128, lab[..., 2] + 128], axis=-1)
        ramp, kind, sizes, form = np.linspace(0, 255, 256), b"mft1", b"", "u1"
    else:
        scaled = np.stack([lab[..., 0] * 652.8, (lab[..., 1] + 128) * 256, (lab[..., 2] + 128) * 256], axis=-1)
        ramp, kind, sizes, form = np.linspace(0, 1, 256) ** 1.2 * 65535, b"mft2", struct.pack(">2H", 256, 2), ">u2"
    ends = ramp if depth == 8 else np.array([0, 65535])
    identity = struct.pack(">9i", *(np.eye(3) * 65536).astype(int).reshape(-1))
    numbers = [np.tile(ramp, 3), scaled.reshape(-1), np.tile(ends, 3)]
    body = b"".join(np.rint(values).astype(form).tobytes() for values in numbers)
    table = kind + bytes(4) + bytes([3, 3, side, 0]) + identity + sizes + body
    return assembled({b"A2B0": table}, b"RGB Lab ", "scanner")


def new_table(side: int = 9) -> bytes:
    """Curves, a table, curves and a matrix to XYZ, as Apple's wide colour has them (lutAToBType)."""
    light = np.clip(_light(side), 0, 1)
    grid = bytes([side] * 3) + bytes(13) + bytes([2, 0, 0, 0])
    table = grid + np.rint(light ** (1 / 2.4) * 65535).astype(">u2").tobytes()
    table += bytes(-len(table) % 4)
    matrix = struct.pack(">12i", *(round(v * 32768) for v in np.array(DISPLAY_P3).T.reshape(-1)), 0, 0, 0)
    plain, shaped = LINEAR * 3, gamma(2.4) * 3
    places = np.cumsum([32, len(plain), len(matrix), len(shaped), len(table)])
    offsets = struct.pack(">5I", places[0], places[1], places[2], places[3], places[4])
    whole = b"mAB " + bytes(4) + bytes([3, 3, 0, 0]) + offsets + plain + matrix + shaped + table + plain
    return assembled({b"A2B0": whole}, b"RGB XYZ ", "wide", version=4)


def _light(side: int) -> np.ndarray:
    """Light of every point of a grid: a camera whose channels depend on each other, (side, side, side, 3)."""
    codes = np.stack(np.meshgrid(*[np.linspace(0, 1, side)] * 3, indexing="ij"), axis=-1)
    light = codes**2.0
    return 0.85 * light + 0.1 * light[..., [1, 2, 0]] + 0.05 * codes * codes[..., [2, 0, 1]]


def _lab(light: np.ndarray) -> np.ndarray:
    ratio = light @ np.array(REC709) / D50
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (ratio * 24389 / 27 + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def assembled(tags: dict[bytes, bytes], spaces: bytes, name: str, version: int = 2) -> bytes:
    text = b"desc" + bytes(4) + struct.pack(">I", len(name) + 1) + name.encode() + bytes(79)
    if version == 4:
        text = b"mluc" + bytes(4) + struct.pack(">II4s2I", 1, 12, b"enUS", 2 * len(name), 28) + name.encode("utf-16-be")
    tags = {b"desc": text, b"wtpt": b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061), **tags}
    place, index, body = 132 + 12 * len(tags), b"", b""
    for key, value in tags.items():
        value += bytes(-len(value) % 4)
        index += struct.pack(">4sII", key, place + len(body), len(value))
        body += value
    head = bytearray(128)
    head[8:12], head[12:24], head[36:40] = bytes([version, 0x40, 0, 0]), b"mntr" + spaces, b"acsp"
    head[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    whole = bytes(head) + struct.pack(">I", len(tags)) + index + body
    return struct.pack(">I", len(whole)) + whole[4:]


def by_littlecms(codes: np.ndarray, data: bytes) -> np.ndarray:
    """8-bit codes (H, W, 3) or (H, W) under a profile as 8-bit sRGB, (H, W, 3) int."""
    picture = Image.fromarray(np.ascontiguousarray(codes))
    to_srgb = ImageCms.profileToProfile(
        picture,
        ImageCms.ImageCmsProfile(io.BytesIO(data)),
        ImageCms.createProfile("sRGB"),
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=_EXACT,
    )
    return np.asarray(to_srgb).astype(int)
