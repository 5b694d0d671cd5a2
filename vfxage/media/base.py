"""The interface of every format: a reader that yields frames by number, a writer that takes renders."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self

from vfxage.errors import ShotError
from vfxage.types import ClipInfo, Frame, Pass, Render


@dataclass(frozen=True, slots=True)
class Flaw:
    """A fault of a written frame."""

    kind: Literal["missing", "unreadable", "foreign", "stale", "wrong"]
    what: str
    """A clause about the file: "does not exist"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureChoice:
    """What is read of an OpenEXR file: which picture is the plate; the reader finds what is None."""

    part: str | int | None = None
    """Name of the part, or its number from 0."""
    layer: str | None = None
    """Name of the layer: what its channels have before the last dot."""
    view: str | None = None
    """Name of the view, such as left."""
    pass_through: bool = False
    """Whether all other channels are read too (``SourceTags.channels``)."""

    @property
    def names_picture(self) -> bool:
        """Whether any of part, layer and view is given."""
        return (self.part, self.layer, self.view) != (None, None, None)


class PictureChoiceError(ShotError):
    """The plate has no picture of that part, layer or view, or several where none is chosen; ``key`` is what to write.

    This is about the whole plate, so the shot is wrong. If one frame lacks what the others have, that frame is wrong.
    """

    def __init__(self, what: str, *, key: str, path: str | Path, fix: str | None) -> None:
        super().__init__(what, path=path, fix=fix)
        self.key = key


class Reader(Protocol):
    """An open plate.

    Whoever calls ``read`` must exhaust its generator or close it, as ``with closing(reader.read(numbers)) as frames``
    does. Only then may ``read`` be called again. Two threads must not read at once.
    """

    info: ClipInfo

    def read(self, numbers: Sequence[int]) -> Generator[Frame, None, None]:
        """Yield exactly these frames (ascending plate numbers), each once.

        Raises ReadError with file and frame for a number outside the plate, a missing frame, or an unreadable frame.
        """
        ...

    def close(self) -> None:
        """Release the file; may be called twice."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One output of a shot with all settings resolved: its path, passes, codec and colour space."""

    path: str
    """Absolute movie path, or a sequence pattern (see ``frames.Pattern``)."""
    passes: tuple[Pass, ...]
    codec: str | None
    """Movies only: prores_proxy, prores_lt, prores_422, prores_hq, prores_4444, dnxhr_hq, dnxhr_hqx, h264, hevc."""
    clip: ClipInfo
    """The plate: rate, windows, timecode, audio and header to carry over."""
    colorspace: str
    """OpenColorIO name of the output's code values: the plate's (``clip.colorspace``) or another; linear passes
    are written in the linear space with its primaries."""
    depth: int | str | None = None
    """Stills only: 8, 10, 12, 16 or "float"; None means the plate's if it has the same format, else the usual one."""
    compression: str = "zips"
    """OpenEXR only: none, zips, zip or piz; dwaa or dwab, which have loss."""
    ocio: str | None = None
    """The OpenColorIO config that defines the name; None means $OCIO, else the built-in one."""
    pass_through: bool = False
    """OpenEXR only: whether the plate's other channels come along (``clip.tags.channels``)."""
    numbers: tuple[int, ...]
    """Every frame that will be written, ascending."""
    faces: tuple[str, ...] = ()
    """Names of faces with their own layers; empty unless the shot names more than one face."""
    crop_pass_faces: tuple[str, ...] = ()
    """Names of the face in ``uv`` and ``crop`` (an unnamed face has a different name in every take)."""
    crop_size: int = 0
    """Side of the pictures of the ``crop`` pass, pixels."""
    alpha: bool = False
    """Whether the plate has an alpha to copy."""
    device: str = "cpu"
    """The device that the ager ran on, as in ``Ager.device``."""
    stamps: Mapping[int, str] = field(default_factory=dict)
    """Fingerprint of each frame, written into its header (a movie: one digest of all)."""
    beside: tuple[Destination, ...] = ()
    """The shot's other outputs; ``Writer.check`` compares this one with them."""

    @property
    def lossy(self) -> bool:
        """Whether pixels of this OpenEXR output are rounded by its compression."""
        return self.compression in ("dwaa", "dwab")

    @property
    def folder(self) -> Path:
        """The folder of the files."""
        return Path(self.path).parent


class Writer(Protocol):
    """An open output, used as a context manager. After an exception, incomplete files are removed."""

    parallel: bool
    """Whether ``write`` may be called from several threads and in any order (sequences)."""
    notes: tuple[str, ...]
    """What a user should know before a frame is written: sound that cannot be copied, a rate that changes."""

    def finished(self, number: int) -> bool:
        """Whether this frame is already complete on disk, with the same fingerprint and readable pixels."""
        ...

    def stamp_on_disk(self, number: int) -> str | None:
        """The stamp that this frame carries on disk, current or not; None if vfxage did not write such a frame."""
        ...

    def check(self, plate: Frame) -> Flaw | None:
        """Read back the output of this plate frame and return its first flaw, or None if it has no flaw.

        A sequence can be checked from any thread. A movie must be checked in ascending order of frames.
        """
        ...

    def foreign(self, number: int) -> Path | None:
        """The file at this frame's path if vfxage did not make it, else None."""
        ...

    def held(self) -> tuple[int, ...]:
        """Frames of a finished movie by vfxage that writing would replace as a whole; empty for a sequence."""
        ...

    def write(self, render: Render) -> None:
        """Write one frame; raises WriteError naming file and frame."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
