"""What every format offers: a reader that gives frames by number, a writer that takes renders."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self

from vfxage.types import ClipInfo, Frame, Pass, Render


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a written frame."""

    kind: Literal["missing", "unreadable", "foreign", "stale", "wrong"]
    what: str
    """A clause about the file: "is not there"."""


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
    """One output of a shot, resolved: where, which passes, in which form."""

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
    """What the ager ran on, as ``Ager.device`` names it."""
    stamps: Mapping[int, str] = field(default_factory=dict)
    """Fingerprint per frame number, written into its header (a movie: the digest of all)."""
    beside: tuple[Destination, ...] = ()
    """The shot's other outputs, for ``Writer.check`` to hold this one against."""

    @property
    def folder(self) -> Path:
        """The folder the files land in."""
        return Path(self.path).parent


class Writer(Protocol):
    """An output, open. Used as a context manager: leaving by an exception abandons what is incomplete."""

    parallel: bool
    """Whether ``write`` may be called from several threads and in any order (sequences)."""
    notes: tuple[str, ...]
    """What a user should know before a frame is written: sound that cannot come along, a rate that changes."""

    def finished(self, number: int) -> bool:
        """Whether this frame stands complete on disk already, with the same fingerprint and readable pixels."""
        ...

    def stamp_on_disk(self, number: int) -> str | None:
        """The stamp that this frame carries on disk, current or not; None if vfxage did not write such a frame."""
        ...

    def check(self, plate: Frame) -> Flaw | None:
        """The first thing wrong with what stands on disk for this plate frame, read back whole; None where nothing is.

        Sequences: from any thread. A movie: in ascending order.
        """
        ...

    def foreign(self, number: int) -> Path | None:
        """The file that stands where this frame will be written and that vfxage did not make, if there is one."""
        ...

    def held(self) -> tuple[int, ...]:
        """Frames of a finished file of ours that writing would replace as a whole (a movie's)."""
        ...

    def write(self, render: Render) -> None:
        """Write one frame; raises WriteError naming file and frame."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
