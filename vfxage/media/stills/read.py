"""A plate of stills: DPX, TIFF, PNG or JPEG, a sequence or a single file."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from vfxage.colour.space import Colour
from vfxage.errors import ReadError
from vfxage.media.sequence import absent, first_readable, frame_files, timecode_before
from vfxage.media.stills import dpx
from vfxage.media.stills.still import Header, Samples, StillFile, floats, top_code, upright
from vfxage.media.stills.tags import UNTAGGED
from vfxage.types import F32, ClipInfo, Frame, Window


def open_header(source: StillFile) -> Header:
    """The header of a still of any kind. Raises ReadError."""
    if source.kind == "dpx":
        return dpx.read_header(source)
    from vfxage.media.stills import image

    return image.read_header(source)


def open_samples(header: Header, source: StillFile) -> Samples:
    """The samples (H, W, C) of a still of any kind, as stored. Raises ReadError."""
    if header.kind == "dpx":
        return dpx.read_samples(header, source)
    from vfxage.media.stills import image

    return image.read_samples(header, source)


def version_of(path: Path) -> str | None:
    """The version of vfxage that wrote a still; None if another program did, or if it cannot be read."""
    try:
        return open_header(StillFile(path)).version
    except ReadError:
        return None


class StillReader:
    """A plate of stills (media.base.Reader).

    ``plate`` is a pattern or one file, whose number is that at the end of its name, else 1. ``colorspace`` wins over
    what the headers say, and so does ``rate``; ``untagged`` is the space of integer codes whose header names none. 8,
    10, 12 and 16-bit codes and float; grey, RGB, each with alpha or without; turned and mirrored as the header asks.
    ``Frame.native`` are the samples as stored, upright. Raises ReadError naming file and frame for what is missing,
    damaged, or of another size, depth or channels than the first.
    """

    def __init__(
        self,
        plate: str | Path,
        *,
        colorspace: str | None = None,
        rate: Fraction | None = None,
        untagged: str | None = None,
        ocio: str | Path | None = None,
    ) -> None:
        self._files = frame_files(plate)
        self._paths = self._files.paths
        self._number, self._first = first_readable(self._paths, lambda n: open_header(StillFile(self._paths[n], n)))
        self._assumed = untagged if _says_nothing(self._first) and not colorspace else None
        spaces = [name for name in (colorspace, *self._first.spaces, self._assumed) if name]
        self._colour = Colour(spaces[0], ocio, self._first.profile) if spaces else None
        self._table = self._code_table()
        self.info = self._info(plate, rate)

    def read(self, numbers: Sequence[int]) -> Generator[Frame, None, None]:
        """Yield these frames; see media.base.Reader."""
        for number in numbers:
            yield self._frame(number)

    def close(self) -> None:
        """Nothing stays open between frames."""

    def _frame(self, number: int) -> Frame:
        if number not in self._paths:
            raise absent(self.info, number)
        source = StillFile(self._paths[number], number)
        header = open_header(source)
        self._check_same(header, source)
        samples = upright(open_samples(header, source), header.orientation)
        alpha = None
        if header.alpha:
            alpha = np.ascontiguousarray(floats(samples[..., -1], header.depth))
        colour = samples[..., :3] if header.channels >= 3 else np.repeat(samples[..., :1], 3, axis=2)
        native = np.ascontiguousarray(colour)
        return Frame(
            number=number,
            window=Window(0, 0, self.info.width, self.info.height),
            rgb=self._linear(native),
            alpha=alpha,
            native=native,
            tags=header.tags,
        )

    def _linear(self, native: Samples) -> F32:
        if self._table is not None:
            return np.asarray(self._table.take(native), np.float32)
        values = floats(native, self._first.depth)
        if self._colour is None:
            return values
        with np.errstate(over="ignore", invalid="ignore"):  # a damaged file's floats may be of any size
            return self._colour.to_linear(values)

    def _code_table(self) -> F32 | None:
        """Linear light by code; None for float, or where one table does not do for every channel."""
        if self._first.depth == "float" or (self._colour and not self._colour.one_curve):
            return None
        white = top_code(self._first.depth)
        ramp = (np.arange(white + 1) / white).astype(np.float32)
        return ramp if self._colour is None else self._colour.to_linear(ramp)

    def _check_same(self, header: Header, source: StillFile) -> None:
        for what, now, first in (
            ("its size is", "x".join(map(str, header.display_size)), "x".join(map(str, self._first.display_size))),
            ("its samples are", header.depth_name, self._first.depth_name),
            ("its channels are", _channels(header), _channels(self._first)),
        ):
            if now != first:
                raise source.error(
                    f"{what} {now} while frame {self._number} has {first}", "make all frames of the plate alike"
                )

    def _info(self, plate: str | Path, rate: Fraction | None) -> ClipInfo:
        header = self._first
        width, height = header.display_size
        return ClipInfo(
            path=str(Path(plate).absolute()),
            kind="sequence",
            width=width,
            height=height,
            first=self._files.first,
            last=self._files.last,
            present=tuple(self._paths),
            rate=rate or header.rate,
            pixel_aspect=1 / header.pixel_aspect if header.orientation >= 5 else header.pixel_aspect,
            colorspace=self._colour.name if self._colour else None,
            depth=header.depth_name,
            alpha=header.alpha,
            straight_alpha=header.alpha and header.straight,
            timecode=timecode_before(header.timecode, self._number - self._files.first, rate or header.rate),
            notes=(*self._notes(rate), *self._files.notes),
            tags=header.tags,
        )

    def _notes(self, rate: Fraction | None) -> Iterator[str]:
        header = self._first
        yield from header.notes
        if self._colour is None:
            yield f"the header names {header.unnamed}"
        if self._assumed:
            yield f"the header names {header.unnamed}: read as {self._assumed}"
        if header.orientation != 1:
            yield f"turned or mirrored as the header asks (orientation {header.orientation}); outputs are upright"
        if header.alpha and header.kind != "dpx":
            state = "not premultiplied by it" if header.straight else "premultiplied by it"
            yield f"alpha: R, G and B are {state}, and stay so in an output of the same format"
        if rate and header.rate and rate != header.rate:
            yield f"the shot's {rate} frames per second win over the header's {header.rate}"


def _says_nothing(header: Header) -> bool:
    """Whether a header of integer codes names no colour space at all, neither a known nor an unknown one."""
    return not header.spaces and header.unnamed == UNTAGGED and header.depth != "float"


def _channels(header: Header) -> str:
    return ("grey", "grey and alpha", "R G B", "R G B A")[header.channels - 1]
