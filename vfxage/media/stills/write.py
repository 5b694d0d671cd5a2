"""Passes as stills: DPX, TIFF, PNG or JPEG, one file a frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from vfxage import __version__
from vfxage.colour.conversion import Conversion
from vfxage.colour.icc import profile_of_rgb
from vfxage.errors import OutputError, ReadError, count_of
from vfxage.frames import Pattern
from vfxage.media.base import Destination, Flaw
from vfxage.media.display import on_display
from vfxage.media.stills import dpx
from vfxage.media.stills.read import open_header, open_samples
from vfxage.media.stills.still import KINDS, NAMES, Depth, FileKind, Samples, StillFile, codes
from vfxage.media.timecode import shift_timecode
from vfxage.publish import publish, unwritten
from vfxage.types import F32, Frame, Pass, Render, SourceTags

DEPTHS: dict[FileKind, tuple[Depth, ...]] = {
    "dpx": (10, 8, 12, 16),
    "tiff": (16, 8, "float"),
    "png": (16, 8),
    "jpeg": (8,),
}
"""Bit depths that each format can hold, the usual one first."""


@dataclass(frozen=True, slots=True)
class _Timing:
    timecode: str | None
    rate: Fraction | None


class StillWriter:
    """A sequence of stills (media.base.Writer); ``write`` is thread-safe.

    ``beauty`` in the output's colour space; ``delta`` (float TIFF alone) as the difference in its linear space;
    ``matte`` alone as grey, or as straight alpha beside one of them. Without a matte the plate's alpha is carried where
    the format has one. Where the matte is 0, codes of the plate's own depth and colour space are the plate's own.
    Raises OutputError for a combination that no such file can hold, WriteError naming file and frame.
    """

    parallel = True

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._pattern = Pattern.parse(destination.path)
        self._kind = KINDS[Path(destination.path).suffix.lower()]
        clip = destination.clip
        self._plate = clip.tags
        self._depth = self._chosen_depth()
        self._conversion = Conversion(clip, destination.colorspace, destination.ocio)
        self._pass = self._colour_pass()
        self._matte_rides = "matte" in destination.passes and self._pass != "matte"
        self._plate_alpha = (
            destination.alpha and not self._matte_rides and self._pass == "beauty" and self._kind != "jpeg"
        )
        self._straight = self._kind == "png" or self._matte_rides or clip.straight_alpha or not self._plate_alpha
        self.notes: tuple[str, ...] = tuple(self._notes())

    def finished(self, number: int) -> bool:
        """Whether this frame is complete with the right stamp, depth and channels, and every pixel decodes."""
        source = StillFile(self._pattern.path(number), number)
        try:
            header = open_header(source)
            same = header.stamp == self._destination.stamps.get(number, "") and header.depth == self._depth
            if not same or header.channels != self._channels:
                return False
            open_samples(header, source)
        except ReadError:
            return False
        return True

    def stamp_on_disk(self, number: int) -> str | None:
        """The stamp in the frame's header; None without one."""
        try:
            return open_header(StillFile(self._pattern.path(number), number)).stamp
        except ReadError:
            return None

    def check(self, plate: Frame) -> Flaw | None:
        """The first thing wrong with the file of this frame: it must read back, of this form and fingerprint."""
        clip = self._destination.clip
        path = self._pattern.path(plate.number)
        if not path.exists():
            return Flaw("missing", "does not exist")
        source = StillFile(path, plate.number)
        try:
            header = open_header(source)
            samples = open_samples(header, source)
        except ReadError as error:
            return Flaw("unreadable", error.what)
        if header.stamp is None:
            return Flaw("foreign", "was not written by vfxage")
        if header.stamp != self._destination.stamps.get(plate.number, ""):
            return Flaw("stale", "was made with other settings, another model or another plate")
        if header.depth != self._depth or header.channels != self._channels:
            return Flaw("wrong", f"has {header.channels} channels of {header.depth_name}")
        if samples.shape[:2] != (clip.height, clip.width):
            return Flaw(
                "wrong", f"has {samples.shape[1]}x{samples.shape[0]} pixels, the plate {clip.width}x{clip.height}"
            )
        lit = bool(np.isfinite(plate.rgb).all())
        if samples.dtype == np.float32 and (lit or self._pass != "beauty") and not np.isfinite(samples).all():
            return Flaw("wrong", "holds NaN or infinity")
        return None

    def foreign(self, number: int) -> Path | None:
        """The file in this frame's place that vfxage did not make, if there is one."""
        path = self._pattern.path(number)
        if not path.exists():
            return None
        try:
            return path if open_header(StillFile(path, number)).stamp is None else None
        except ReadError:
            return path

    def held(self) -> tuple[int, ...]:
        """Nothing: each frame is a file of its own."""
        return ()

    def write(self, render: Render) -> None:
        """Write one frame; it appears under its name when it is complete. Raises WriteError."""
        path = self._pattern.path(render.number)
        with publish(path, frame=render.number) as partial:
            self._save(partial, path.name, self._samples(render), render)
            try:
                source = StillFile(partial, render.number)
                open_samples(open_header(source), source)
            except ReadError as error:
                what = "was not written completely, as on a full disk"
                raise unwritten(path, what, render.number, removed=not partial.exists()) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Every frame was published on its own: nothing is left to do."""

    @property
    def _channels(self) -> int:
        return 1 if self._pass == "matte" else 4 if self._matte_rides or self._plate_alpha else 3

    def _chosen_depth(self) -> Depth:
        choices = DEPTHS[self._kind]
        asked = self._destination.depth
        if asked is None:
            own = self._plate.depth if self._plate.format == self._kind else None
            asked = own if own in choices else choices[0]
        if asked not in choices:
            raise OutputError(
                f"a {NAMES[self._kind]} file cannot hold {asked} bits",
                path=self._destination.path,
                fix=f"choose {' or '.join(map(str, choices))}",
            )
        return asked

    def _colour_pass(self) -> Pass:
        passes, path = self._destination.passes, self._destination.path
        colours: list[Pass] = [name for name in passes if name != "matte"] or list(passes[:1])
        if len(colours) != 1 or colours[0] not in ("beauty", "delta", "matte"):
            what = f"a still holds one of beauty, delta and matte, not {' and '.join(passes) or 'none'}"
            raise OutputError(what, path=path, fix="give each pass its own output")
        if colours[0] == "delta" and self._depth != "float":
            raise OutputError(
                "the delta has negative values, which codes cannot hold", path=path, fix="write it to .exr"
            )
        if len(passes) > 1 and self._kind == "jpeg":
            raise OutputError("JPEG has no alpha for the matte", path=path, fix="give the matte its own output")
        if len(self._destination.numbers) > 1 and not Pattern.is_sequence(path):
            what = f"one file cannot hold {count_of(len(self._destination.numbers), 'frame')}"
            raise OutputError(what, path=path, fix="put #### where the frame number goes")
        return colours[0]

    def _notes(self) -> Iterator[str]:
        name = Path(self._destination.path).name
        if self._pass == "beauty" and not self._conversion.same:
            tail = ", clipped to 0..1" if self._depth != "float" else ""
            plate, target = self._conversion.plate.name, self._conversion.target.name
            yield f"{name} is written as {target} (the plate is {plate}){tail}"
        if self._destination.alpha and self._pass == "beauty" and self._kind == "jpeg":
            yield f"{name} is without the plate's alpha: JPEG has none"
        if self._destination.clip.pixel_aspect != 1 and self._kind == "jpeg":
            yield f"{name}: JPEG cannot store the pixel aspect {self._destination.clip.pixel_aspect:g}"

    def _samples(self, render: Render) -> Samples:
        """(H, W, C) samples over the display window."""
        if self._pass == "matte":
            return codes(self._placed(render.matte, render), self._depth)[:, :, None]
        alpha = render.matte if self._matte_rides else render.frame.alpha if self._plate_alpha else None
        if self._plate_alpha and alpha is None:
            alpha = np.ones(render.matte.shape, np.float32)
        picture = self._difference(render) if self._pass == "delta" else self._beauty(render, alpha)
        if alpha is None:
            return picture
        return np.concatenate([picture, codes(self._placed(alpha, render), self._depth)[:, :, None]], axis=2)

    def _difference(self, render: Render) -> Samples:
        return np.asarray(self._placed(self._conversion.linear(render.delta), render))

    def _beauty(self, render: Render, alpha: F32 | None) -> Samples:
        light, divided = render.beauty, False
        if self._plate_alpha and alpha is not None and self._straight and not self._destination.clip.straight_alpha:
            light, divided = light / np.where(alpha > 0, alpha, np.float32(1))[:, :, None], True
        light, native = self._placed(light, render), render.frame.native
        if native is None or divided or not self._conversion.same or not self._same_samples():
            return codes(self._conversion.codes(light), self._depth)
        touched = self._placed(render.matte, render) != 0
        picture = np.array(self._placed(native, render))
        box = _around(touched)
        changed = codes(self._conversion.codes(np.ascontiguousarray(light[box])), self._depth)
        np.copyto(picture[box], changed, where=touched[box][:, :, None])
        return picture

    def _same_samples(self) -> bool:
        """Whether the plate's samples are what this output stores: codes of as many bits, or float."""
        clip = self._destination.clip
        plate = self._plate.depth or ("float" if clip.depth in ("half", "float") else None)
        return clip.kind == "sequence" and plate == self._depth

    def _placed(self, image: Any, render: Render) -> Any:
        clip = self._destination.clip
        return on_display(image, render.frame.window, (clip.height, clip.width))

    def _save(self, partial: Path, name: str, samples: Samples, render: Render) -> None:
        clip, timing = self._destination.clip, self._timing(render)
        own = render.frame.tags if render.frame.tags.format else self._plate
        plate = own if own.format == self._kind else SourceTags()
        stamp = self._destination.stamps.get(render.number, "")
        own_space = self._conversion.same and self._pass == "beauty"
        if self._kind == "dpx":
            target = dpx.DpxSettings(
                name=name,
                version=__version__,
                stamp=stamp,
                depth=self._depth,
                plate=plate.raw,
                same_space=own_space,
                space=self._destination.colorspace if self._pass == "beauty" else "",
                timecode=timing.timecode,
                rate=timing.rate,
                pixel_aspect=clip.pixel_aspect,
            )
            return dpx.write(partial, samples, target)
        from vfxage.media.stills import image

        return image.write(
            partial,
            np.ascontiguousarray(samples),
            image.ImageSettings(
                version=__version__,
                stamp=stamp,
                depth=self._depth,
                plate=plate.attributes,
                profile=profile_of_rgb(own.profile or self._plate.profile) if own_space else b"",
                space=self._destination.colorspace if self._pass == "beauty" else "",
                straight=self._straight,
                timecode=timing.timecode,
                rate=timing.rate,
                pixel_aspect=clip.pixel_aspect,
            ),
        )

    def _timing(self, render: Render) -> _Timing:
        """The frame's own timecode, else the first one's counted on."""
        clip = self._destination.clip
        if render.frame.tags.timecode:
            return _Timing(render.frame.tags.timecode, clip.rate)
        if clip.timecode is None or clip.rate is None or clip.variable_rate:
            return _Timing(None, clip.rate)
        return _Timing(shift_timecode(clip.timecode, render.number - clip.first, clip.rate), clip.rate)


def _around(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns of the smallest box (H, W) around the true values."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return slice(0), slice(0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
