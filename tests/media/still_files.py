"""Stills made without our own code: by OpenImageIO, and DPX by hand, word for word as SMPTE ST 268-1 has it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

LOGC3 = "ARRI LogC3 (EI800)"
SRGB = "sRGB Encoded Rec.709 (sRGB)"


def save(path: Path, pixels: np.ndarray, **attributes: object) -> Path:
    """By OpenImageIO; ``__`` in an attribute's name stands for the colon."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width, channels = pixels.shape
    spec = oiio.ImageSpec(width, height, channels, str(pixels.dtype).replace("float32", "float"))
    if channels == 2:
        spec.channelnames, spec.alpha_channel = ("Y", "A"), 1
    spec.attribute("oiio:UnassociatedAlpha", 1)
    for name, value in attributes.items():
        spec.attribute(name.replace("__", ":"), *(value if isinstance(value, tuple) else (value,)))
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), out.geterror()
    assert out.write_image(np.ascontiguousarray(pixels)), out.geterror()
    assert out.close(), out.geterror()
    return path


def load(path: Path, kind: str) -> np.ndarray:
    """Pixels as stored, by OpenImageIO."""
    hints = oiio.ImageSpec()
    hints.attribute("oiio:UnassociatedAlpha", 1)
    image = oiio.ImageInput.open(str(path), hints)
    assert image is not None, oiio.geterror()
    spec = image.spec()
    pixels = np.asarray(image.read_image(kind)).reshape(spec.height, spec.width, spec.nchannels)
    image.close()
    return pixels


def attributes(path: Path) -> dict[str, Any]:
    hints = oiio.ImageSpec()
    hints.attribute("oiio:UnassociatedAlpha", 1)
    image = oiio.ImageInput.open(str(path), hints)
    assert image is not None, oiio.geterror()
    return {item.name: item.value for item in image.spec().extra_attribs}


def noise(height: int = 9, width: int = 13, channels: int = 3, top: int = 65535) -> np.ndarray:
    """Every code from 0 to ``top`` about equally often, the ends among them."""
    codes = np.random.default_rng(3).integers(0, top + 1, (height, width, channels))
    codes.reshape(-1)[:2] = 0, top
    return codes.astype(np.uint8 if top < 256 else np.uint16)


def save_dpx(path: Path, codes: np.ndarray, bits: int, *, packing: int = 1, order: str = ">", **fields: int) -> Path:
    """A DPX of codes (H, W, 1, 3 or 4), filled or of whole words; ``fields`` are bytes by offset (``o801=6``)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width, channels = codes.shape
    header = bytearray(b"\xff" * 2048)
    struct.pack_into(f"{order}II8sIIIII", header, 0, 0x53445058, 2048, b"V1.0", 0, 1, 1664, 384, 0)
    header[36:136] = b"plate.dpx".ljust(100, b"\0")
    header[160:260] = b"scanner".ljust(100, b"\0")
    struct.pack_into(f"{order}HHII", header, 768, 0, 1, width, height)
    struct.pack_into(f"{order}IIfIf", header, 780, 0, 0, 0.0, (1 << bits) - 1, 2.047)
    struct.pack_into("BBBB", header, 800, {1: 6, 3: 50, 4: 51}[channels], 3, 1, bits)
    struct.pack_into(f"{order}HHIII", header, 804, packing, 0, 2048, 0, 0)
    for name, value in fields.items():
        header[int(name[1:])] = value
    path.write_bytes(bytes(header) + words(codes, bits, packing, order))
    return path


def words(codes: np.ndarray, bits: int, packing: int, order: str) -> bytes:
    """Lines of codes in filled words (packing 1: at the high end, 2: at the low end), or as they are."""
    lines = codes.reshape(len(codes), -1).astype(np.uint32)
    if bits == 8:
        return lines.astype(np.uint8).tobytes()
    if bits != 10:
        return (lines << (16 - bits if packing == 1 else 0)).astype(f"{order}u2").tobytes()
    three = np.pad(lines, ((0, 0), (0, -lines.shape[1] % 3))).reshape(len(lines), -1, 3)
    word = (three[..., 0] << 20) | (three[..., 1] << 10) | three[..., 2]
    return (word << (2 if packing == 1 else 0)).astype(f"{order}u4").tobytes()


def dpx_words(path: Path, order: str = ">") -> np.ndarray:
    """The 32-bit words of a DPX file's picture, read by numpy alone."""
    raw = path.read_bytes()
    (offset,) = struct.unpack(f"{order}I", raw[4:8])
    return np.frombuffer(raw[offset:], f"{order}u4")
