"""The contract of every format: a reader gives frames by number, a writer takes renders."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self

from vfxage.types import ClipInfo, Frame, Pass, Render


@dataclass(frozen=True, slots=True)
class Flaw:
    """A fault of a written frame."""

    kind: Literal["missing", "unreadable", "foreign", "stale", "wrong"]
    what: str
    """A clause about the file: "does not exist"."""


class Reader(Protocol):
    """A plate, open.

    Whoever calls ``read`` must exhaust its generator or close it, as ``with closing(reader.read(numbers)) as frames``
    does. Only then may ``read`` be called again. Two threads must not read at once.
    """

    info: ClipInfo

    def read(self, numbers: Sequence[int]) -> Generator[Frame, None, None]:
        """Yield exactly these frames (ascending plate numbers), each once.

        Raises ReadError naming file and frame for a number outside the plate, a hole, or a frame that cannot be read.
        """
        ...

    def close(self) -> None:
        """Release the file; may be called twice."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One output of a shot with everything its writer needs: path, passes, codec, colour space, stamps."""

    path: str
    """Absolute movie path, or a sequence pattern (see ``frames.Pattern``)."""
    passes: tuple[Pass, ...]
    codec: str | None
    """Movies only: prores_proxy, prores_lt, prores_422, prores_hq, prores_4444, h264."""
    clip: ClipInfo
    """The plate: rate, windows, timecode, audio and header to carry over."""
    colorspace: str
    """OpenColorIO name of the output's code values: the plate's own (``clip.colorspace``) or another; what is written
    linear is in the linear space of its primaries."""
    depth: int | str | None = None
    """Stills only: 8, 10, 12, 16 or "float"; None means the plate's where it is of the same format, else custom."""
    ocio: str | None = None
    """The OpenColorIO config that knows the name; None means $OCIO, else the built-in one."""
    numbers: tuple[int, ...]
    """Every frame that will be written, ascending."""
    faces: tuple[str, ...] = ()
    """Names that get their own layers; empty unless the shot names more than one face."""
    viewed: tuple[str, ...] = ()
    """Names of the face that ``uv`` and ``crop`` are of (an unnamed one has another in every take)."""
    crop_size: int = 0
    """Side of the pictures of ``crop``, pixels."""
    alpha: bool = False
    """The plate has an alpha to carry."""
    device: str = "cpu"
    """The device of the ager, named as in ``Ager.device``."""
    stamps: Mapping[int, str] = field(default_factory=dict)
    """Fingerprint per frame number, written into its header (a movie: the digest of all)."""
    beside: tuple[Destination, ...] = ()
    """The shot's other outputs, for ``Writer.check`` to hold this one against."""

    @property
    def folder(self) -> Path:
        """The folder the files land in."""
        return Path(self.path).parent


class Writer(Protocol):
    """An open output, used as a context manager. An exception in the block removes incomplete files."""

    parallel: bool
    """Whether ``write`` may be called from several threads and in any order (sequences)."""
    notes: tuple[str, ...]
    """Notes for the user before a frame is written: sound that is left out, a rate that changes."""

    def finished(self, number: int) -> bool:
        """Whether this frame is complete on disk, with the right stamp and readable pixels."""
        ...

    def stamp_on_disk(self, number: int) -> str | None:
        """The stamp that this frame carries on disk, current or not; None if vfxage did not write such a frame."""
        ...

    def check(self, plate: Frame) -> Flaw | None:
        """Read this frame's output back and give its first fault; None if it is right.

        Sequences: from any thread. A movie: in ascending order.
        """
        ...

    def foreign(self, number: int) -> Path | None:
        """A file in the place of this frame that vfxage did not write; None if there is none."""
        ...

    def held(self) -> tuple[int, ...]:
        """Frames of a finished movie that writing would replace as a whole; empty for a sequence."""
        ...

    def write(self, render: Render) -> None:
        """Write one frame; raises WriteError naming file and frame."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
