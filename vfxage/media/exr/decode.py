"""OpenEXR's own decoders, called only on files whose structure was checked."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import numpy as np
import OpenEXR

from vfxage.media.exr.chunks import check_chunks, expressible, isolate
from vfxage.media.exr.header import Channel, ExrFile, ExrLayout, Part
from vfxage.process import collected_stdout

Plane = np.ndarray[Any, np.dtype[Any]]

_DTYPES = {"half": np.float16, "float": np.float32, "uint": np.uint32}


def attributes(layout: ExrLayout, part: Part, source: ExrFile) -> Mapping[str, Any]:
    """The part's attributes as OpenEXR's Python gives them, by name. Raises ReadError."""
    with _translated(source), OpenEXR.File(_target(layout, part, source), header_only=True) as file:
        return MappingProxyType(dict(file.header(0)))


def planes(
    layout: ExrLayout, part: Part, wanted: Sequence[Channel] | None, source: ExrFile
) -> tuple[Mapping[str, Any], dict[str, Plane]]:
    """The part's attributes and the wanted channels (H, W), by name; all channels of the part where they are None.

    half, float or uint as stored; chroma (H/2, W/2). Raises ReadError for a file whose pixels do not decode.
    """
    target = _target(layout, part, source)
    channels = part.channels if wanted is None else wanted
    if any((c.x_sampling, c.y_sampling) != (1, 1) for c in part.channels):
        return attributes(layout, part, source), _subsampled(target, part, channels, source)
    with _translated(source), _decoded(target, source) as file:
        found = file.channels(0)
        return MappingProxyType(dict(file.header(0))), {c.name: found[c.name].pixels for c in channels}


def _target(layout: ExrLayout, part: Part, source: ExrFile) -> str | io.BytesIO:
    """The file that OpenEXR decodes: the plate file, or only its part if the file has other parts or odd attributes."""
    table = check_chunks(layout, part, source)
    if layout.multipart or not all(expressible(*item) for item in part.fields.items()):
        return io.BytesIO(isolate(layout, part, table, source))
    return str(source.path)


def _decoded(target: str | io.BytesIO, source: ExrFile) -> OpenEXR.File:
    """The file with all its pixels. OpenEXR prints why pixels do not decode, and gives a file without parts."""
    with collected_stdout() as printed:
        file = OpenEXR.File(target, separate_channels=True)
    if file.parts:
        return file
    raise source.damaged(f"its pixels do not decode: {''.join(printed).partition(' - ')[2].strip()}")


def _subsampled(target: str | io.BytesIO, part: Part, wanted: Sequence[Channel], source: ExrFile) -> dict[str, Plane]:
    """OpenEXR.File refuses parts whose channels differ in size; its older InputFile does not."""
    with _translated(source):
        file = OpenEXR.InputFile(target)
        try:
            found = {}
            for channel in wanted:
                shape = part.data.height // channel.y_sampling, part.data.width // channel.x_sampling
                raw = file.channel(channel.name)
                found[channel.name] = np.frombuffer(raw, _DTYPES[channel.samples]).reshape(shape)
            return found
        finally:
            file.close()


@contextmanager
def _translated(source: ExrFile) -> Iterator[None]:
    """Turn what OpenEXR raises into ReadError."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError, KeyError, ArithmeticError, OSError) as error:
        raise source.damaged(_brief(error, source)) from error
    except MemoryError as error:
        raise source.error("too large for the memory that is left", "use a smaller plate") from error


def _brief(error: Exception, source: ExrFile) -> str:
    return str(error).replace(str(source.path), "it").split("\n")[0]
