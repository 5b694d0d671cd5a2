"""An OpenEXR plate: a sequence or a single file, read frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import cv2
import numpy as np

from vfxage.colour.space import Colour
from vfxage.media.base import PictureChoice, PictureChoiceError
from vfxage.media.exr import attributes, chroma, decode, timecode
from vfxage.media.exr.carried import Carried, cryptomatte_attributes, find_carried, read_carried
from vfxage.media.exr.header import ExrFile, ExrLayout, Part, read_layout
from vfxage.media.exr.layers import NoSuchPictureError, Picture, find_chosen, find_matte, find_picture
from vfxage.media.sequence import FrameFiles, absent, first_readable, frame_files, timecode_before
from vfxage.types import F32, ClipInfo, Frame, SourceTags, Window

_DTYPES: Mapping[str, type[np.generic]] = {"half": np.float16, "float": np.float32, "uint": np.uint32}


@dataclass(frozen=True, slots=True)
class _Opened:
    """One open file: its structure is known, no pixel is read yet."""

    source: ExrFile
    layout: ExrLayout
    part: Part
    picture: Picture
    carried: Carried
    """Other channels for the outputs; none unless they are wanted."""

    @property
    def depth(self) -> str:
        """ "float" where any channel of the picture is: then all are kept so."""
        return "float" if any(c.samples == "float" for c in self.picture.channels) else "half"


@dataclass(frozen=True, slots=True)
class _Known:
    """The plate as the first readable header and the shot describe it together."""

    number: int
    """The frame that this header is of."""
    header: Mapping[str, Any]
    rate: Fraction | None
    """The shot's; wins over the header's own."""
    spaces: tuple[str, ...]
    """Names of the colour space: settled where it is one."""


class ExrReader:
    """A plate of OpenEXR files (media.base.Reader).

    ``plate`` is a pattern or one file. A single file has the number at the end of its name, else 1. ``colorspace`` and
    ``rate`` override the headers. Reads half, float, scan lines, tiles, mip-maps (level 0), any compression and any
    data window. The picture is R G B, Y, Y RY BY, or the R G B of a layer; of several parts it is the first one with
    colour; or the one that ``picture`` chooses. If it asks to pass channels through, ``Frame.tags.channels`` holds
    all others that an output can carry. A "matte" is read from A alone, if there is one. Raises PictureChoiceError if
    no frame has the chosen picture, and ReadError naming file and frame for a file that is missing, damaged or deep, or
    whose display window, channels or sample type differ from the first readable file.
    """

    def __init__(
        self,
        plate: str | Path,
        *,
        colorspace: str | None = None,
        rate: Fraction | None = None,
        ocio: str | Path | None = None,
        picture: PictureChoice | Literal["matte"] | None = None,
    ) -> None:
        files = frame_files(plate)
        self._paths, self._find = files.paths, _finder(picture)
        self._pass_through = isinstance(picture, PictureChoice) and picture.pass_through
        try:
            number, (opened, header) = first_readable(self._paths, self._opened)
        except NoSuchPictureError as error:
            raise PictureChoiceError(error.what, key=error.key, path=plate, fix=error.fix) from error
        self._first = opened
        named = (colorspace,) if colorspace else attributes.colorspaces(header, ocio)
        colour = Colour(named[0], ocio) if len(named) == 1 else None
        self._curve = None if colour is None or colour.linear else colour
        self.info = _info(plate, files, opened, _Known(number, header, rate, named))

    def read(self, numbers: Sequence[int]) -> Generator[Frame, None, None]:
        """Yield these frames; see media.base.Reader."""
        for number in numbers:
            yield self._frame(number)

    def close(self) -> None:
        """Nothing stays open between frames."""

    def _frame(self, number: int) -> Frame:
        if number not in self._paths:
            raise absent(self.info, number)
        opened = self._open(ExrFile(self._paths[number], number))
        self._check_same(opened)
        header, planes = decode.planes(opened.layout, opened.part, opened.picture.channels, opened.source)
        alpha = None if opened.picture.alpha is None else _floats(planes[opened.picture.alpha.name])
        samples = _colour(opened, planes, attributes.chromaticities(header) or chroma.REC709)
        if self._curve is not None:
            rgb, native = self._curve.to_linear(_floats(samples)), None
        else:
            rgb = _floats(samples)
            native = None if opened.picture.kind == "luminance-chroma" else samples
        return Frame(
            number=number,
            window=_relative(opened.part),
            rgb=rgb,
            alpha=alpha,
            native=native,
            tags=SourceTags(
                format="exr",
                attributes=_with_cryptomatte(opened, header),
                channels=read_carried(opened.carried, opened.layout, opened.part, opened.source),
            ),
        )

    def _opened(self, number: int) -> tuple[_Opened, Mapping[str, Any]]:
        opened = self._open(ExrFile(self._paths[number], number))
        return opened, decode.attributes(opened.layout, opened.part, opened.source)

    def _open(self, source: ExrFile) -> _Opened:
        layout = read_layout(source)
        part, picture = self._find(layout, source)
        carried = find_carried(layout, part, picture) if self._pass_through else Carried()
        return _Opened(source, layout, part, picture, carried)

    def _check_same(self, opened: _Opened) -> None:
        now, first = opened.part.display, self._first.part.display
        if now != first:
            raise opened.source.error(
                f"its display window is {_size(now)} while frame {self._first.source.frame} has {_size(first)}",
                "make all frames of the plate alike",
            )
        if set(opened.picture.names) != set(self._first.picture.names):
            raise opened.source.error(
                f"its channels are {' '.join(opened.picture.names)} while frame {self._first.source.frame} has "
                f"{' '.join(self._first.picture.names)}",
                "make all frames of the plate alike",
            )
        if _kinds(opened.carried) != _kinds(self._first.carried):
            odd = " ".join(sorted(dict(_kinds(opened.carried).items() ^ _kinds(self._first.carried).items())))
            raise opened.source.error(
                f"its channels beside the picture are not those of frame {self._first.source.frame}: {odd}",
                "make all frames of the plate alike, or leave out `pass_through:`",
            )
        if opened.depth != self._first.depth:
            raise opened.source.error(
                f"its samples are {opened.depth} while frame {self._first.source.frame} has {self._first.depth}",
                "make all frames of the plate alike",
            )


def _finder(picture: PictureChoice | Literal["matte"] | None) -> Callable[[ExrLayout, ExrFile], tuple[Part, Picture]]:
    if picture == "matte":
        return find_matte
    return partial(find_chosen, choice=picture) if picture is not None and picture.names_picture else find_picture


def _kinds(carried: Carried) -> dict[str, str]:
    return {name: channel.samples for name, channel in carried.channels.items()}


def _with_cryptomatte(opened: _Opened, header: Mapping[str, Any]) -> Mapping[str, Any]:
    found = cryptomatte_attributes(opened.carried, opened.layout, opened.part, opened.source)
    return MappingProxyType({**header, **found}) if found else header


def _relative(part: Part) -> Window:
    return Window(part.data.x - part.display.x, part.data.y - part.display.y, part.data.width, part.data.height)


def _size(window: Window) -> str:
    return f"{window.width}x{window.height}+{window.x}+{window.y}"


def _info(
    plate: str | Path,
    files: FrameFiles,
    opened: _Opened,
    known: _Known,
) -> ClipInfo:
    header = known.header
    part = opened.part
    rate = known.rate or attributes.rate(header)
    return ClipInfo(
        path=str(Path(plate).absolute()),
        kind="sequence",
        width=part.display.width,
        height=part.display.height,
        first=files.first,
        last=files.last,
        present=tuple(files.paths),
        rate=rate,
        pixel_aspect=attributes.pixel_aspect(header),
        display_origin=(part.display.x, part.display.y),
        data_window=_relative(part),
        colorspace=known.spaces[0] if len(known.spaces) == 1 else None,
        depth=opened.depth,
        alpha=opened.picture.alpha is not None,
        timecode=timecode_before(timecode.to_text(header.get("timeCode"), rate), known.number - files.first, rate),
        notes=(*_notes(opened, known), *files.notes),
        tags=SourceTags(
            format="exr",
            attributes=_with_cryptomatte(opened, header),
            channels={name: np.zeros((0, 0), _DTYPES[kind]) for name, kind in _kinds(opened.carried).items()},
        ),
    )


def _notes(opened: _Opened, known: _Known) -> Iterator[str]:
    if len(opened.layout.parts) > 1:
        name = opened.part.name or f"number {opened.part.index}"
        yield f"{len(opened.layout.parts)} parts: {name} is the picture"
    if opened.picture.layer:
        yield f"layer {opened.picture.layer} is the picture"
    if opened.picture.kind != "rgb":
        yield f"{opened.picture.kind} picture, read as R, G, B"
    left = list(opened.carried.left)
    if not opened.carried.parts and not left:
        left = [c.name for c in opened.part.channels if c.name not in opened.picture.names]
        left += [f"part {part.name or part.index}" for part in opened.layout.parts if part is not opened.part]
    if left:
        named = ", ".join(left[:8]) + (f" and {len(left) - 8} more" if len(left) > 8 else "")
        asked = opened.carried.parts or opened.carried.left
        advice = "" if asked else " (`pass_through: true` of an output carries other channels)"
        yield f"not carried into the outputs: {named}{advice}"
    own = attributes.rate(known.header)
    if own and known.rate and own != known.rate:
        yield f"the shot's {known.rate} frames per second win over the header's {own}"
    if len(known.spaces) != 1:
        said = f"contradicts itself on its colour space ({' or '.join(known.spaces)})" if known.spaces else ""
        yield f"the file {said or 'does not say its colour space'}"


def _colour(opened: _Opened, planes: Mapping[str, Any], primaries: tuple[float, ...]) -> Any:
    """The picture's samples (H, W, 3): half or float as stored, float32 where made of chroma."""
    stored = [planes[c.name] for c in opened.picture.colour]
    if opened.picture.kind == "luminance-chroma":
        y, ry, by = (_floats(plane) for plane in stored)
        with np.errstate(all="ignore"):
            return chroma.to_rgb(y, ry, by, chroma.weights(primaries))
    if opened.depth == "float":
        stored = [_floats(plane) for plane in stored]
    return _interleaved(stored * (3 // len(stored)))


def _interleaved(planes: list[Any]) -> Any:
    """(H, W, 3) of three planes, bit for bit; OpenCV has no half, so integers carry them."""
    if planes[0].dtype != np.float16:
        return np.asarray(cv2.merge(planes))
    return np.asarray(cv2.merge([plane.view(np.int16) for plane in planes])).view(np.float16)


def _floats(samples: Any) -> F32:
    """Convert half to float32 (OpenCV is ten times as fast as NumPy); float32 is returned unchanged."""
    if samples.dtype == np.float16:
        return np.asarray(cv2.convertFp16(samples.view(np.int16)), np.float32)
    return np.asarray(samples, np.float32)
