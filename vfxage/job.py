"""A shot, opened: its plate, its colour, the frames that make the whole shot, and where everything goes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vfxage import __version__
from vfxage.colour import Colour
from vfxage.errors import OutputError, ReadError, ShotError
from vfxage.fingerprint import digest, file_digest, file_identity
from vfxage.frames import FrameRange, Pattern
from vfxage.media import open_reader
from vfxage.media.base import Reader
from vfxage.publish import sweep
from vfxage.shot import Shot
from vfxage.types import ClipInfo

_LIKELY = (
    "`ARRI LogC3 (EI800)`, `S-Log3 S-Gamut3`, `Rec.1886 Rec.709 - Display` or `sRGB Encoded Rec.709 (sRGB)`",
    "`Linear Rec.709 (sRGB)` or `ACEScg`",
)
"""Colour spaces of plates whose headers name none: of integers, of half and float."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An open shot; everything that happens to it starts here."""

    shot: Shot
    reader: Reader
    clip: ClipInfo
    colour: Colour
    numbers: tuple[int, ...]
    """Every frame of the whole shot, ascending: what the track pass sees, whatever ``--frames`` says."""

    @property
    def name(self) -> str:
        """The first output's name without frame number and suffix (many shot files are called shot.yaml)."""
        if not self.shot.outputs:
            return self.shot.path.stem
        path = self.shot.outputs[0].path
        name = Pattern.parse(path).prefix if Pattern.is_sequence(path) else Path(path).stem
        return name.rstrip("._- ") or self.shot.path.stem

    @property
    def folder(self) -> Path:
        """Where tracks and previews go: beside the first output, or beside the shot file when it has none."""
        return Path(self.shot.outputs[0].path).parent if self.shot.outputs else self.shot.path.parent

    @property
    def tracks_path(self) -> Path:
        """The saved tracks."""
        return self.folder / f"{self.name}.tracks.npz"

    def plate_digest(self, number: int) -> str:
        """What this plate frame's pixels depend on: its file's content, its place in it, how it becomes linear."""
        if self.clip.kind == "movie":
            return digest(file_digest(Path(self.clip.path)), number - self.clip.first, self.colour.fingerprint)
        return digest(file_digest(self._file(number), number), self.colour.fingerprint)

    def tracks_key(self) -> str:
        """What saved tracks must carry to be reused: version, tracking settings, colour, every plate file."""
        settings = self.shot.tracking.model_dump(mode="json", exclude={"margin"}) | {"exposure": self.shot.exposure}
        if self.clip.kind == "movie":
            plate = [file_identity(Path(self.clip.path)), file_digest(Path(self.clip.path)), self.clip.first]
        else:
            plate = [file_identity(self._file(number), number) for number in self.numbers]
        return digest(__version__, settings, self.colour.fingerprint, plate, self.numbers)

    def _file(self, number: int) -> Path:
        return Pattern.parse(self.clip.path).path(number)

    def pick(self, text: str | None) -> tuple[int, ...]:
        """Frames asked for by ``--frames`` (all where None); ShotError where the shot does not have them."""
        if text is None:
            return self.numbers
        asked = FrameRange.parse(text)
        whole = set(self.numbers)
        outside = [n for n in asked if n not in whole]
        if outside:
            raise ShotError(
                f"frame {outside[0]} of --frames {text} is outside the shot, which has {FrameRange(self.numbers)}",
                path=self.shot.path,
                fix="ask for frames inside it",
            )
        return tuple(asked)


@contextmanager
def open_job(shot: Shot) -> Iterator[Job]:
    """Open the plate, settle its colour and frames; closes the plate when left.

    Raises ReadError for the plate, ShotError for a range outside it or a colour space that nobody names.
    """
    with placed(shot, "ocio" if shot.ocio and not shot.colorspace else "colorspace"):
        reader = open_reader(
            shot.plate, colorspace=shot.colorspace, first_frame=shot.first_frame, rate=shot.rate, ocio=shot.ocio
        )
    try:
        clip = reader.info
        if clip.colorspace is None:
            raise ShotError(
                f"the colour space of the plate {Path(clip.path).name} is named neither in its header nor in the shot",
                path=shot.path,
                fix=f"add `colorspace:`, for example {_LIKELY[clip.depth in ('half', 'float')]}",
            )
        yield Job(
            shot=shot,
            reader=reader,
            clip=clip,
            colour=Colour(clip.colorspace, shot.ocio),
            numbers=_whole_shot(shot, clip),
        )
    finally:
        reader.close()


@contextmanager
def placed(shot: Shot, key: str) -> Iterator[None]:
    """Give a ShotError from the block the shot file and the line of ``key``, if it has no place of its own."""
    try:
        yield
    except ShotError as error:
        if error.path is not None:
            raise
        raise shot.error(key, error) from error


def _whole_shot(shot: Shot, clip: ClipInfo) -> tuple[int, ...]:
    """The frames of the shot, else all of the plate, each of which has a file."""
    asked = shot.frames
    if asked and (asked.first < clip.first or asked.last > clip.last):
        raise ShotError(
            f"frames {asked} reach outside the plate {Path(clip.path).name}, which has {clip.first}-{clip.last}",
            path=shot.path,
            fix="correct `frames:` (or `first_frame:` of a movie)",
        )
    numbers = asked.numbers if asked else range(clip.first, clip.last + 1)  # one stray file makes the latter huge
    if clip.present is not None:
        have = frozenset(clip.present)
        holes = sum(n not in have for n in numbers) if asked else clip.holes
        if holes:
            first = next(n for n in numbers if n not in have)
            raise ReadError(
                f"the sequence has a hole: {holes} of {len(numbers)} frames are missing, the first is {first}",
                path=clip.path,
                frame=first,
                fix="restore the frames, or leave them out of `frames:`",
            )
    return tuple(numbers)


def check_writable(folder: Path) -> None:
    """Make ``folder``, try to write in it, and clear what killed runs left; raises OutputError before rendering."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".vfxage-"):
            pass
        sweep(folder)
    except OSError as error:
        raise OutputError(
            f"cannot be written to ({error.strerror})", path=folder, fix="choose another path or mend its permissions"
        ) from error
