"""TIFF, PNG and JPEG by OpenImageIO: the only module that calls it. (JPEG is written by Pillow, see ``jpeg``.)

OpenImageIO's own limits hold while it reads a header; the picture's size is checked against the file's before pixels
are asked for. Alpha stays as stored, and no colour is converted.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import OpenImageIO as Oiio

from vfxage.colour.cicp import SRGB
from vfxage.media.stills import jpeg, png, tags
from vfxage.media.stills.still import KINDS, Depth, Header, Samples, StillFile, check_size, mark, parse_mark

oiio_setting: Mapping[str, int] = {"limits:channels": 64, "limits:imagesize_MB": 1 << 14}
for _name, _value in oiio_setting.items():
    Oiio.attribute(_name, _value)

_DEPTHS: Mapping[str, Depth] = {"uint8": 8, "uint16": 16, "half": "float", "float": "float"}
_STORED: Mapping[Depth, str] = {8: "uint8", 10: "uint16", 12: "uint16", 16: "uint16", "float": "float"}

_INKS = ("CMYK", "YCCK", "YCbCrK")
"""OpenImageIO's names of JPEGs with four inks; the last two are one."""
_LAB = (8, 9, 10)
"""TIFF's photometric interpretations of CIE, ICC and ITU L*a*b*."""
_GAIN_MAP = "a gain map (Ultra HDR) is not used and not carried into the outputs: the standard picture is read"

_PNG_LEVEL = 1
"""zlib's fastest level: of a 16-bit picture with grain it takes 40 % of the time of level 6, and 5 % more bytes."""
_PNG_FILTERS = 0x08 | 0x10
"""libpng tries these filters on each line: none, and the difference to the pixel on the left."""

_OWN = ("oiio:", "tiff:", "png:", "jpeg:", "ICCProfile", "vfxage:", "Exif:ColorSpace", "Exif:PixelXDimension")
"""Beginnings of attributes that describe how the plate was stored."""
_NOT_CARRIED = {
    *("Orientation", "Software", "compression", "planarconfig", "PixelAspectRatio", "thumbnail_image", "CICP"),
    *("XResolution", "YResolution", "Exif:PixelYDimension", "Exif:FlashPixVersion", "Exif:ExifVersion", "tile_width"),
}


def read_header(source: StillFile) -> Header:
    """Parse and check the header. Raises ReadError for another kind of file, a damaged one, or an unsupported kind."""
    size = tags.check_begins(source)
    with _opened(source) as image:
        spec = image.spec()
        attributes = dict(_attributes(spec))
        multiple = source.kind == "tiff" and image.seek_subimage(1, 0)
    _check_kind(spec, attributes, source)
    gain_mapped = _gain_mapped(spec, source)
    known = 3 if gain_mapped else _known_channels(spec)
    own = parse_mark(_text(attributes, "Software"))
    orientation = attributes.get("Orientation", 1)
    profile = tags.profile(source, attributes)
    space, unnamed = tags.space(source, attributes, profile)
    header = Header(
        kind=source.kind,
        width=spec.width,
        height=spec.height,
        channels=known,
        depth=8 if gain_mapped else _DEPTHS[str(spec.format)],
        straight=source.kind == "png" or known in (1, 3) or bool(attributes.get("oiio:UnassociatedAlpha")),
        orientation=orientation if orientation in range(1, 9) else 1,
        spaces=(space,) if space else (),
        unnamed=unnamed,
        rate=own.rate,
        timecode=own.timecode or _text(attributes, "smpte:TimeCode"),
        pixel_aspect=_pixel_aspect(attributes, source),
        stamp=own.stamp,
        version=own.version,
        notes=(_GAIN_MAP,) if gain_mapped else tuple(_notes(spec, known, bool(multiple))),
        attributes=MappingProxyType(attributes),
        profile=profile,
    )
    check_size(header, size, source)
    return header


def read_samples(header: Header, source: StillFile) -> Samples:
    """(H, W, C) samples as stored, half as float. Raises ReadError."""
    tags.check_ends(source)
    with _opened(source) as image:
        if _gain_mapped(image.spec(), source):
            return _base_picture(source)
        read = image.read_image(0, 0, 0, header.channels, _STORED[header.depth])
        if read is None or image.has_error:
            raise source.damaged(f"its pixels do not decode: {_brief(image.geterror(), source)}")
    return np.ascontiguousarray(np.asarray(read).reshape(header.height, header.width, header.channels))


def _check_kind(spec: Any, attributes: Mapping[str, Any], source: StillFile) -> None:
    name, photometric = str(spec.format), attributes.get("tiff:PhotometricInterpretation")
    if name not in _DEPTHS:
        raise source.error(f"has samples of type {name}", "write it with 8 or 16 bits, or float")
    if photometric == 5 or attributes.get("jpeg:ColorSpace") in _INKS:
        raise source.error("holds inks (CMYK), not R, G, B", "convert it to RGB")
    if photometric in _LAB:
        raise source.error("holds L*a*b* samples, not R, G, B", "convert it to RGB")


def _known_channels(spec: Any) -> int:
    """How many samples of a pixel are read: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha."""
    if spec.nchannels == 2 and spec.alpha_channel != 1:
        return 1
    return spec.nchannels if spec.nchannels <= 2 else 4 if spec.alpha_channel == 3 else 3


def _gain_mapped(spec: Any, source: StillFile) -> bool:
    """Whether a JPEG has a gain map (Ultra HDR, ISO 21496-1): OpenImageIO applies it and gives linear half floats."""
    return source.kind == "jpeg" and str(spec.format) != "uint8"


def _base_picture(source: StillFile) -> Samples:
    """The 8-bit picture (H, W, 3) under a gain map, which every program shows that knows no gain maps."""
    try:
        return jpeg.read(source.path)
    except (OSError, SyntaxError, ValueError) as error:
        raise source.damaged(f"its pixels do not decode: {_brief(str(error), source)}") from error


def _pixel_aspect(attributes: Mapping[str, Any], source: StillFile) -> float:
    """Width of a pixel over its height; 1 if the header has none. OpenImageIO 3.0 has that of JPEG upside down."""
    aspect = tags.jfif_aspect(source) if source.kind == "jpeg" else attributes.get("PixelAspectRatio")
    return aspect if isinstance(aspect, float) and 0.01 < aspect < 100 else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSettings:
    """The file's metadata."""

    version: str
    stamp: str
    depth: Depth
    plate: Mapping[str, Any] = field(default_factory=dict)
    """Attributes of the plate's frame, where that is of the same kind: carried over."""
    profile: bytes = b""
    """The ICC profile of the pixels."""
    space: str
    straight: bool = True
    timecode: str | None = None
    rate: Fraction | None = None
    pixel_aspect: float = 1.0


def write(path: Path, samples: Samples, target: ImageSettings) -> None:
    """Write samples (H, W, 1 to 4). Raises OSError with what OpenImageIO says."""
    if KINDS[path.suffix.lower()] == "jpeg":
        _write_jpeg(path, samples, target)
        return
    spec = _spec(path, samples, target)
    output = Oiio.ImageOutput.create(str(path))
    if output is None:
        raise OSError(Oiio.geterror())
    done = output.open(str(path), spec) and output.write_image(samples)
    if not output.close() or not done or output.has_error:
        raise OSError(output.geterror().strip().split("\n")[0] or "OpenImageIO could not write it")
    if KINDS[path.suffix.lower()] == "png":
        png.tell_colour(path, target.space)


def _spec(path: Path, samples: Samples, target: ImageSettings) -> Any:
    height, width, channels = samples.shape
    spec = Oiio.ImageSpec(width, height, channels, _STORED[target.depth])
    for name, value in target.plate.items():
        if not name.startswith(_OWN) and name not in _NOT_CARRIED:
            spec.attribute(name, value)
    if "DateTime" not in target.plate:
        spec.attribute("DateTime", "")  # else TIFF writes the hour, and two renders differ
    spec.attribute("Software", mark(target.version, target.stamp, target.timecode, target.rate))
    spec.attribute("Orientation", 1)
    if target.straight:
        spec.attribute("oiio:UnassociatedAlpha", 1)
    if target.pixel_aspect != 1:
        spec.attribute("PixelAspectRatio", float(target.pixel_aspect))
        for name, density in (("XResolution", 72.0), ("YResolution", 72.0 * target.pixel_aspect)):
            spec.attribute(name, density)
    if KINDS[path.suffix.lower()] == "tiff":
        spec.attribute("Exif:ColorSpace", 1 if target.space == SRGB else tags.UNCALIBRATED)
    if target.profile:
        profile = np.frombuffer(target.profile, np.uint8)
        spec.attribute("ICCProfile", Oiio.TypeDesc(f"uint8[{profile.size}]"), profile)
    spec.attribute("compression", "zip")
    if KINDS[path.suffix.lower()] == "png":
        spec.attribute("png:compressionLevel", _PNG_LEVEL)
        spec.attribute("png:filter", _PNG_FILTERS)
    return spec


def _write_jpeg(path: Path, samples: Samples, target: ImageSettings) -> None:
    marks = jpeg.JpegTags(
        software=mark(target.version, target.stamp, target.timecode, target.rate),
        srgb=target.space == SRGB,
        plate=target.plate,
        profile=target.profile,
    )
    jpeg.write(path, samples, marks)


@contextmanager
def _opened(source: StillFile) -> Iterator[Any]:
    """The file, open; what OpenImageIO raises or says becomes ReadError."""
    hints = Oiio.ImageSpec()
    hints.attribute("oiio:UnassociatedAlpha", 1)
    try:
        image = Oiio.ImageInput.open(str(source.path), hints)
        if image is None:
            raise source.damaged(_brief(Oiio.geterror(), source))
        try:
            yield image
        finally:
            image.close()
    except (UnicodeError, RuntimeError, ValueError, struct.error) as error:
        raise source.damaged(_brief(str(error), source)) from error
    except MemoryError as error:
        raise source.error("too large for the memory that is left", "use a smaller plate") from error


def _attributes(spec: Any) -> Iterator[tuple[str, Any]]:
    """Names and values; text that is no UTF-8 is left out, as Python cannot hold it.

    Of a profile only its description is asked: at one of no platform OpenImageIO 3.0 reads past its memory.
    """
    for item in spec.extra_attribs:
        try:
            name = item.name
            if name.startswith("ICCProfile:") and name != tags.DESCRIPTION:
                continue
            value = item.value
        except UnicodeDecodeError:
            continue
        if value is not None:
            yield name, value


def _text(attributes: Mapping[str, Any], name: str) -> str | None:
    value = attributes.get(name)
    return value if isinstance(value, str) else None


def _notes(spec: Any, known: int, multiple: bool) -> Iterator[str]:
    if known <= 2:
        yield "grey picture, read as R, G, B"
    if spec.nchannels > known:
        yield f"not carried into the outputs: {', '.join(spec.channelnames[known:][:8])}"
    if multiple:
        yield "several pictures in one file: the first is read"
    bits = spec.get_int_attribute("oiio:BitsPerSample", 0)
    if bits and bits not in (8, 16, 32):
        yield f"{bits} bits are read as {8 if bits < 8 else 16}"


def _brief(text: str, source: StillFile) -> str:
    lines = text.replace(str(source.path), "it").strip().splitlines()
    return lines[0] if lines else "OpenImageIO does not say why"
