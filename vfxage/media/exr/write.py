"""OpenEXR output: one part, scan lines, ZIPS, the same channels on every frame."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import OpenEXR
from numpy.typing import NDArray

from vfxage.colour import Colour
from vfxage.errors import OutputError, ReadError, WriteError
from vfxage.frames import Pattern
from vfxage.media.base import Destination
from vfxage.media.exr import decode
from vfxage.media.exr.attributes import FINGERPRINT, output_header
from vfxage.media.exr.chunks import check_chunks
from vfxage.media.exr.header import Source, read_layout
from vfxage.publish import publish
from vfxage.types import F32, FaceLayer, Render

Plane = NDArray[Any]


class ExrWriter:
    """A sequence of OpenEXR files (media.base.Writer), one part each, scan lines, ZIPS; ``write`` is thread-safe.

    Channels, the same on every frame: R G B (and A, the plate's) with the beauty, half, or float where the plate's own
    samples are float; ``delta.R/G/B`` float; ``matte.A`` half; for each of ``destination.faces`` layers
    ``delta_<face>`` and ``matte_<face>``, zero where the face is absent. Pixels are scene-linear in the plate's
    primaries. Where the matte is 0 the beauty's bits are the plate's own. Raises OutputError for face names that no
    comp could tell apart, or a path without a frame number for several frames.
    """

    parallel = True
    notes: tuple[str, ...] = ()

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._pattern = Pattern.parse(destination.path)
        if len(destination.numbers) > 1 and not Pattern.is_sequence(destination.path):
            raise OutputError(
                f"one file cannot hold {len(destination.numbers)} frames",
                path=destination.path,
                fix="put #### where the frame number goes",
            )
        self._faces = _layer_names(destination)
        self._primaries = _primaries(destination)

    def finished(self, number: int) -> bool:
        """Whether this frame stands complete, of the same fingerprint and channels, and every pixel decodes."""
        source = Source(self._pattern.path(number), number)
        try:
            layout = read_layout(source)
            part = layout.parts[0]
            stamp = part.fields.get(FINGERPRINT)
            if stamp is None or stamp.text != self._destination.stamps.get(number, ""):
                return False
            if len(layout.parts) > 1 or {c.name for c in part.channels} != set(self._channel_names()):
                return False
            decode.planes(layout, part, None, source)
        except ReadError:
            return False
        return True

    def foreign(self, number: int) -> Path | None:
        """The file in this frame's place that vfxage did not make, if there is one."""
        path = self._pattern.path(number)
        if not path.exists():
            return None
        try:
            ours = any(FINGERPRINT in part.fields for part in read_layout(Source(path, number)).parts)
        except ReadError:
            return path
        return None if ours else path

    def held(self) -> tuple[int, ...]:
        """Nothing: each frame is a file of its own."""
        return ()

    def write(self, render: Render) -> None:
        """Write one frame; it appears under its name when it is complete. Raises WriteError."""
        path = self._pattern.path(render.number)
        header = output_header(self._destination, render.frame, self._primaries)
        with publish(path, frame=render.number) as partial, _translated(path, render.number):
            OpenEXR.File(header, self._channels(render)).write(str(partial))
            _check_complete(partial)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Every frame was published on its own: nothing is left to do."""

    def _channel_names(self) -> Iterator[str]:
        passes = self._destination.passes
        if "beauty" in passes:
            yield from ("R", "G", "B", "A") if self._destination.alpha else ("R", "G", "B")
        for suffix in ("", *(f"_{name}" for name in self._faces.values())):
            if "delta" in passes:
                yield from (f"delta{suffix}.{colour}" for colour in "RGB")
            if "matte" in passes:
                yield f"matte{suffix}.A"

    def _channels(self, render: Render) -> dict[str, Plane]:
        """Arrays by the names OpenEXR's Python knows: (H, W, 3) stands for R, G and B of a layer."""
        passes = self._destination.passes
        planes: dict[str, Plane] = {}
        if "beauty" in passes:
            planes["RGB"] = _beauty(render, self._float())
            if self._destination.alpha:
                alpha = render.frame.alpha
                shape, dtype = render.matte.shape, planes["RGB"].dtype
                planes["A"] = np.ones(shape, dtype) if alpha is None else _cast(alpha, dtype)
        if "delta" in passes:
            planes["delta"] = render.delta
        if "matte" in passes:
            planes["matte.A"] = _half_matte(render.matte)
        for face, name in self._faces.items():
            layers = [layer for layer in render.layers if layer.name == face]
            if "delta" in passes:
                planes[f"delta_{name}"] = _placed(render, layers, 3)
            if "matte" in passes:
                planes[f"matte_{name}.A"] = _placed(render, layers, 1).astype(np.float16)
        return planes

    def _float(self) -> bool:
        return self._destination.clip.kind == "sequence" and self._destination.clip.depth == "float"


def _primaries(destination: Destination) -> tuple[float, ...]:
    """Chromaticities of the pixels: a movie's own, which may be nearly but not quite those of its colour space."""
    clip = destination.clip
    own: tuple[float, ...] | None = clip.metadata.get("chromaticities") if clip.kind == "movie" else None
    if own and destination.colorspace == clip.colorspace:
        return own
    return Colour(destination.colorspace, destination.ocio).chromaticities


def _layer_names(destination: Destination) -> dict[str, str]:
    """Names of the faces as Nuke would make them: letters, digits and _, no leading digits."""
    names: dict[str, str] = {}
    for face in destination.faces:
        name = re.sub(r"[^A-Za-z0-9_]", "_", face).lstrip("0123456789")
        if not name.strip("_"):
            raise OutputError(f"the face {face!r} has no letter to name its layer by", path=destination.path)
        other = next((f for f, n in names.items() if n == name), None)
        if other is not None:
            raise OutputError(
                f"the layers of the faces {other!r} and {face!r} would both be delta_{name}",
                path=destination.path,
                fix="rename one of the faces",
            )
        names[face] = name
    return names


def _beauty(render: Render, as_float: bool) -> Plane:
    """(H, W, 3): the plate's own samples where the matte is 0, else the beauty rounded to the nearest."""
    native = render.frame.native
    dtype = np.dtype(np.float32 if as_float or (native is not None and native.dtype == np.float32) else np.float16)
    if native is None or native.dtype != dtype:
        return _cast(render.beauty, dtype)
    box = _box(render.matte)
    if box is None:
        return np.ascontiguousarray(native)
    picture = native.copy()
    touched = render.matte[box] != 0
    picture[box][touched] = _cast(render.beauty[box][touched], dtype)
    return picture


def _cast(samples: F32, dtype: np.dtype[Any]) -> Plane:
    # Past 65504 half has only infinity; a comp shows that, a clamp would hide it.
    with np.errstate(all="ignore"):
        return samples.astype(dtype, copy=False)


def _box(matte: F32) -> tuple[slice, slice] | None:
    """Rows and columns that hold everything not 0."""
    rows = np.flatnonzero(matte.any(axis=1))
    if not rows.size:
        return None
    lines = slice(int(rows[0]), int(rows[-1]) + 1)
    columns = np.flatnonzero(matte[lines].any(axis=0))
    return lines, slice(int(columns[0]), int(columns[-1]) + 1)


def _half_matte(matte: F32) -> Plane:
    half = np.zeros(matte.shape, np.float16)
    if (box := _box(matte)) is not None:
        half[box] = matte[box]
    return half


def _placed(render: Render, layers: list[FaceLayer], channels: int) -> F32:
    """A face's delta (H, W, 3) or matte (H, W) on the whole frame, zero outside its box."""
    shape = render.matte.shape
    whole = np.zeros((*shape, 3) if channels == 3 else shape, np.float32)
    for layer in layers:
        whole[layer.window.slices(render.frame.window)] += layer.delta if channels == 3 else layer.matte
    return whole


def _check_complete(partial: Path) -> None:
    """OpenEXR does not notice when the disk is full as it closes the file: see that every block arrived."""
    source = Source(partial)
    layout = read_layout(source)
    check_chunks(layout, layout.parts[0], source)


@contextmanager
def _translated(path: Path, frame: int) -> Iterator[None]:
    fix = "check free space and permissions, then run the same command again"
    try:
        yield
    except ReadError as error:
        raise WriteError("was not written completely, as on a full disk", path=path, frame=frame, fix=fix) from error
    except (RuntimeError, ValueError, TypeError) as error:
        raise WriteError(f"cannot be written ({error})", path=path, frame=frame, fix=fix) from error
