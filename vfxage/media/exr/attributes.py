"""Attributes of an OpenEXR header: what a plate's say, and which an output of it carries."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR

from vfxage import __version__
from vfxage.colour.primaries import from_chromaticities
from vfxage.colour.space import Colour
from vfxage.errors import ShotError
from vfxage.media.base import Destination
from vfxage.media.exr import timecode
from vfxage.media.exr.carried import CRYPTOMATTE
from vfxage.types import ClipInfo, Frame

FINGERPRINT = "vfxage:fingerprint"
VERSION = "vfxage:version"
MISSING = "vfxage:missing"
"""Attribute of a filled frame: "black", or "hold 1004"."""

_NAMES_OF_SPACE = ("colorSpace", "colorspace", "oiio:ColorSpace", "ocioColorSpace", "colorInteropID")

_ROLES = {"default", "linear", "scene_linear", "reference", "rendering", "compositing_log", "data", "raw", "unknown"}

_OWN = {
    *("channels", "compression", "dataWindow", "displayWindow", "lineOrder", "tiles", "type", "name", "view"),
    *("chunkCount", "version", "maxSamplesPerPixel", "deepImageState", "multiView", "idManifest", "idmanifest"),
    *("preview", "dwaCompressionLevel", "acesImageContainerFlag", "envmap"),
}
"""Attributes that describe how the plate was stored, or a promise that an output does not keep."""

_COMPRESSIONS = {
    "none": OpenEXR.NO_COMPRESSION,
    "zips": OpenEXR.ZIPS_COMPRESSION,
    "zip": OpenEXR.ZIP_COMPRESSION,
    "piz": OpenEXR.PIZ_COMPRESSION,
    "dwaa": OpenEXR.DWAA_COMPRESSION,
    "dwab": OpenEXR.DWAB_COMPRESSION,
}


def colorspaces(header: Mapping[str, Any], ocio: str | Path | None) -> tuple[str, ...]:
    """OpenColorIO names of the header's colour space: none, one, or two that contradict each other.

    One comes from the chromaticities (which promise linear light), one from an attribute that spells it out.
    """
    primaries = chromaticities(header)
    by_primaries = None if primaries is None else from_chromaticities(primaries)
    named = next((name for key in _NAMES_OF_SPACE if (name := _known(header.get(key), ocio))), None)
    if by_primaries and named and Colour(named, ocio).linear_name in (by_primaries, None):
        return (named,)
    return tuple(dict.fromkeys(name for name in (by_primaries, named) if name))


def _known(value: Any, ocio: str | Path | None) -> str | None:
    """The canonical name of a space or alias; None for a role, whose space depends on the config."""
    if not isinstance(value, str) or not value or value.casefold() in _ROLES:
        return None
    for spelling in (value, value.removesuffix("_scene")):
        with suppress(ShotError):
            return Colour(spelling, ocio).name
    return None


def chromaticities(header: Mapping[str, Any]) -> tuple[float, ...] | None:
    """rx ry gx gy bx by wx wy; None if the header has none, or values that are no primaries."""
    value = header.get("chromaticities")
    if not (isinstance(value, tuple) and len(value) == 8 and all(isinstance(v, float) for v in value)):
        return None
    red, green, blue = (complex(*value[i : i + 2]) for i in (0, 2, 4))
    area = ((green - red).conjugate() * (blue - red)).imag
    usable = np.all(np.isfinite(value)) and abs(area) > 1e-6 and min(map(abs, value[1::2])) > 1e-9
    return value if usable else None


def rate(header: Mapping[str, Any]) -> Fraction | None:
    """Frames per second, exact."""
    value = header.get("framesPerSecond")
    return value if isinstance(value, Fraction) and value > 0 else None


def pixel_aspect(header: Mapping[str, Any]) -> float:
    """Width of a pixel over its height."""
    value = header.get("pixelAspectRatio")
    return value if isinstance(value, float) and 0.01 < value < 100 else 1.0


def output_header(
    destination: Destination, frame: Frame, primaries: tuple[float, ...], carried: Collection[str] = ()
) -> dict[str, Any]:
    """Attributes of one output frame: windows, rate, timecode and chromaticities of the plate, its own custom ones.

    ``primaries`` are the colour space's, ``carried`` the plate's channels that come along. No date and nothing of this
    machine: two writes give the same bytes.
    """
    clip = destination.clip
    header, own = _plate_header(clip, frame)
    kept = {name: value for name, value in header.items() if _kept(name, value)}
    kept |= _cryptomatte(header, carried)
    if not own:
        kept.pop("timeCode", None)
    left, top = clip.display_origin
    x, y = left + frame.window.x, top + frame.window.y
    kept |= {
        "type": OpenEXR.scanlineimage,
        "compression": _COMPRESSIONS[destination.compression],
        "displayWindow": ((left, top), (left + clip.width - 1, top + clip.height - 1)),
        "dataWindow": ((x, y), (x + frame.window.width - 1, y + frame.window.height - 1)),
        "pixelAspectRatio": float(clip.pixel_aspect),
        "chromaticities": _chromaticities(header, primaries),
        **({MISSING: frame.missing} if frame.missing else {}),
        FINGERPRINT: destination.stamps.get(frame.number, ""),
        VERSION: __version__,
    }
    if clip.rate is not None:
        kept["framesPerSecond"] = clip.rate.limit_denominator(1 << 20)
        # The frames of a movie of variable rate keep no time.
        if "timeCode" not in kept and clip.timecode and not clip.variable_rate:
            code = timecode.counted(clip.timecode, clip.rate, frame.number - clip.first)
            kept |= {} if code is None else {"timeCode": code}
    if "crop" in destination.passes:  # a picture of its own, with square pixels
        whole = ((0, 0), (destination.crop_size - 1, destination.crop_size - 1))
        kept |= {"displayWindow": whole, "dataWindow": whole, "pixelAspectRatio": 1.0}
    return kept


def _plate_header(clip: ClipInfo, frame: Frame) -> tuple[Mapping[str, Any], bool]:
    """The OpenEXR header to carry over, and whether it is this frame's own (a replaced frame takes the first's)."""
    if frame.tags.format == "exr":
        return frame.tags.attributes, True
    return (clip.tags.attributes if clip.tags.format == "exr" else {}), False


def _kept(name: str, value: Any) -> bool:
    # OpenEXR's Python cannot tell the type of an empty list.
    return (
        name not in _OWN
        and name not in _NAMES_OF_SPACE
        and not name.startswith("vfxage:")
        and not name.casefold().startswith(CRYPTOMATTE)
        and not (isinstance(value, list) and not value)
    )


def _cryptomatte(header: Mapping[str, Any], carried: Collection[str]) -> dict[str, Any]:
    """Cryptomatte's attributes whose channels come along: cryptomatte/ID/name is the beginning of their layers."""
    found = {name: value for name, value in header.items() if name.startswith(CRYPTOMATTE)}
    layers = {name.split("/")[1]: value for name, value in found.items() if name.endswith("/name")}
    there = {key for key, layer in layers.items() if any(name.startswith(str(layer)) for name in carried)}
    return {name: value for name, value in found.items() if name.split("/")[1] in there}


def _chromaticities(header: Mapping[str, Any], primaries: tuple[float, ...]) -> tuple[float, ...]:
    """The plate's very numbers where they are those of its colour space, which the shot may have named otherwise."""
    own = chromaticities(header)
    if own is not None and np.allclose(own, primaries, atol=2e-3):
        return own
    return tuple(map(float, primaries))
