"""OpenEXR output: one part, scan lines, the same channels on every frame, without loss unless the shot asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import OpenEXR
from numpy.typing import NDArray

from vfxage.colour.conversion import Conversion
from vfxage.errors import OutputError, ReadError, count_of
from vfxage.frames import Pattern
from vfxage.media.base import Destination, Flaw
from vfxage.media.exr import decode
from vfxage.media.exr.attributes import FINGERPRINT, output_header
from vfxage.media.exr.check import flaw
from vfxage.media.exr.chunks import check_chunks
from vfxage.media.exr.header import ExrFile, read_layout
from vfxage.media.exr.planes import carried, carried_names, channel_names, channels
from vfxage.publish import publish, unwritten
from vfxage.types import Frame, Render

Plane = NDArray[Any]


class ExrWriter:
    """A sequence of OpenEXR files (media.base.Writer): one part each, scan lines. ``write`` is thread-safe.

    Every frame has the same channels. The beauty is R G B (and the plate's A): half, or float for a float plate;
    ``plate`` likewise. ``delta``, ``delta_raw`` and ``uv.R/G`` are float. ``matte.A`` is half, or float beside
    ``delta_raw``; ``matte_hair.A`` is half. Each of ``destination.faces`` has layers ``delta_<face>`` and so on, which
    are 0 without the face. ``crop`` is a sequence of its own: R G B, ``delta`` and ``matte.A`` of one face, on its
    square. Pixels are scene-linear in the primaries of the destination's colour space, deltas too. If these are the
    plate's primaries, the beauty has the plate's bits where the matte is 0. Raises OutputError for face names that give
    equal layer names, or for several frames in a path without a frame number.
    """

    parallel = True

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._pattern = Pattern.parse(destination.path)
        if len(destination.numbers) > 1 and not Pattern.is_sequence(destination.path):
            raise OutputError(
                f"one file cannot hold {count_of(len(destination.numbers), 'frame')}",
                path=destination.path,
                fix="put #### where the frame number goes",
            )
        self._faces = _layer_names(destination)
        self._primaries = _primaries(destination)
        self._conversion = Conversion(destination.clip, destination.colorspace, destination.ocio)
        carried = carried_names(destination, self._faces)
        self._names = {*channel_names(destination, self._faces), *carried}
        self.notes: tuple[str, ...] = (*_loss(destination), *_not_carried(destination, carried))

    def finished(self, number: int) -> bool:
        """Whether this frame is complete with the right stamp and channels, and every pixel decodes."""
        source = ExrFile(self._pattern.path(number), number)
        try:
            layout = read_layout(source)
            part = layout.parts[0]
            stamp = part.fields.get(FINGERPRINT)
            if stamp is None or stamp.text != self._destination.stamps.get(number, ""):
                return False
            if len(layout.parts) > 1 or {c.name for c in part.channels} != self._names:
                return False
            decode.planes(layout, part, None, source)
        except ReadError:
            return False
        return True

    def stamp_on_disk(self, number: int) -> str | None:
        """The stamp in the frame's header; None without one."""
        try:
            stamp = read_layout(ExrFile(self._pattern.path(number), number)).parts[0].fields.get(FINGERPRINT)
        except ReadError:
            return None
        return None if stamp is None else stamp.text

    def check(self, plate: Frame) -> Flaw | None:
        """The first thing wrong with the file of this frame; see ``check.flaw``."""
        source = ExrFile(self._pattern.path(plate.number), plate.number)
        return flaw(source, self._destination, self._faces, self._conversion, plate)

    def foreign(self, number: int) -> Path | None:
        """The file in this frame's place that vfxage did not make, if there is one."""
        path = self._pattern.path(number)
        if not path.exists():
            return None
        try:
            ours = any(FINGERPRINT in part.fields for part in read_layout(ExrFile(path, number)).parts)
        except ReadError:
            return path
        return None if ours else path

    def held(self) -> tuple[int, ...]:
        """Nothing: each frame is a file of its own."""
        return ()

    def write(self, render: Render) -> None:
        """Write one frame; it appears under its name when it is complete. Raises WriteError."""
        path = self._pattern.path(render.number)
        render = self._conversion.render(render)
        names = carried_names(self._destination, self._faces)
        header = output_header(self._destination, render.frame, self._primaries, names)
        with publish(path, frame=render.number) as partial, _translated(path, partial, render.number):
            planes = channels(render, self._destination, self._faces)
            planes |= carried(render.frame, self._destination, self._faces)
            OpenEXR.File(header, planes).write(str(partial))
            _check_complete(partial)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Every frame was published on its own: nothing is left to do."""


def _loss(destination: Destination) -> Iterator[str]:
    """What a lossy compression costs."""
    if not destination.lossy:
        return
    name, how = Path(destination.path).name, destination.compression
    if {"delta", "delta_raw"} & set(destination.passes):
        yield (
            f"{name}: {how} rounds the delta, so plate plus delta is only near the beauty; for an exact comp, give the "
            f"delta an output of its own with zips"
        )
    elif {"beauty", "plate", "crop"} & set(destination.passes):
        yield f"{name}: {how} rounds the picture, also where no face is: outside the matte it is only near the plate"


def _not_carried(destination: Destination, names: tuple[str, ...]) -> Iterator[str]:
    left = sorted(destination.clip.tags.channels.keys() - set(names)) if destination.pass_through else []
    if left:
        yield f"{Path(destination.path).name}: its own channels replace the plate's {', '.join(left)}"


def _primaries(destination: Destination) -> tuple[float, ...]:
    """Chromaticities of the pixels: a movie's own, which may be nearly but not quite those of its colour space."""
    clip = destination.clip
    own = clip.tags.chromaticities if clip.kind == "movie" else None
    if own and destination.colorspace == clip.colorspace:
        return own
    return Conversion(clip, destination.colorspace, destination.ocio).target.chromaticities


def _layer_names(destination: Destination) -> dict[str, str]:
    """Names of the faces as Nuke would make them: letters, digits and _, no leading digits."""
    names: dict[str, str] = {}
    for face in destination.faces:
        name = re.sub(r"[^A-Za-z0-9_]", "_", face).lstrip("0123456789")
        if not name.strip("_"):
            what = f"the face {face!r} has no letter to name its layer by"
            raise OutputError(what, path=destination.path, fix="begin its name with a letter")
        other = next((f for f, n in names.items() if n == name), None)
        if other is not None:
            raise OutputError(
                f"the layers of the faces {other!r} and {face!r} would both be delta_{name}",
                path=destination.path,
                fix="rename one of the faces",
            )
        names[face] = name
    return names


def _check_complete(partial: Path) -> None:
    """OpenEXR does not notice when the disk is full as it closes the file: see that every block arrived."""
    source = ExrFile(partial)
    layout = read_layout(source)
    check_chunks(layout, layout.parts[0], source)


@contextmanager
def _translated(path: Path, partial: Path, frame: int) -> Iterator[None]:
    try:
        yield
    except ReadError as error:
        what = "was not written completely, as on a full disk"
        raise unwritten(path, what, frame, removed=not partial.exists()) from error
    except (RuntimeError, ValueError, TypeError) as error:
        raise unwritten(path, f"cannot be written ({error})", frame) from error
