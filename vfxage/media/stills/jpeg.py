"""JPEG by Pillow, where OpenImageIO does not do.

Its writer ends the whole process where a disk is full, and its reader applies a gain map without being asked.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from vfxage.media.stills.still import Samples

QUALITY = 95
_CARRIED = ("ImageDescription", "Make", "Model", "DateTime", "Artist", "Copyright")


def read(path: Path) -> Samples:
    """The first picture of the file, (H, W, 3) uint8 codes. Raises OSError, SyntaxError or ValueError."""
    with Image.open(path, formats=("JPEG", "MPO")) as picture:
        return np.asarray(picture.convert("RGB"))


@dataclass(frozen=True, slots=True, kw_only=True)
class JpegTags:
    """Metadata of a JPEG that is written."""

    software: str
    srgb: bool
    """Whether its codes are sRGB."""
    plate: Mapping[str, Any]
    """Attributes of the plate's frame, of which a few are carried over."""
    profile: bytes
    """The ICC profile of its codes; empty for none."""


def write(path: Path, samples: Samples, tags: JpegTags) -> None:
    """Write 8-bit codes (H, W, 1 or 3), chroma at full resolution. Raises OSError as it comes."""
    exif = Image.Exif()
    for name in _CARRIED:
        if isinstance(value := tags.plate.get(name), str):
            exif[ExifTags.Base[name]] = value
    exif[ExifTags.Base.Software] = tags.software
    exif[ExifTags.Base.Orientation] = 1
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ColorSpace] = 1 if tags.srgb else 0xFFFF
    picture = Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)
    memory = io.BytesIO()
    picture.save(
        memory,
        "JPEG",
        quality=QUALITY,
        subsampling=0,
        exif=exif,
        **({"icc_profile": tags.profile} if tags.profile else {}),
    )
    path.write_bytes(memory.getvalue())
