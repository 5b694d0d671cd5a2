"""A shot, opened: its plate, its colour, the frames that make the whole shot, and where everything goes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import takewhile
from pathlib import Path

from vfxage import __version__
from vfxage.colour.cicp import DISPLAY_709, LINEAR_709, SRGB
from vfxage.colour.config import known_spaces
from vfxage.colour.display import DisplayChoice, ViewError, check_names
from vfxage.colour.space import Colour, plate_colour
from vfxage.errors import ReadError, ShotError, count_of, naming_sources
from vfxage.face.track import Finders
from vfxage.fingerprint import digest, file_digest, file_identity
from vfxage.frames import MOST_FRAMES, FrameRange, Pattern, no_file
from vfxage.media import PlateSettings, open_reader, sequence_in
from vfxage.media.base import PictureChoice, PictureChoiceError, Reader
from vfxage.media.missing_frames import FilledReader, fills
from vfxage.media.output_colour import output_space
from vfxage.shot import Shot
from vfxage.shot.sources import sources
from vfxage.types import ClipInfo

_SCENE_LINEAR = ("ACEScg", LINEAR_709)
_OF_SCANS = ("ARRI LogC3 (EI800)", "S-Log3 S-Gamut3", DISPLAY_709, SRGB)
_OF_PICTURES = (SRGB, DISPLAY_709)
"""Colour spaces to suggest for a plate that names none: half and float files, DPX and TIFF, PNG and JPEG."""
NO_FILE = digest(None)
"""In place of a file's digest, for a frame that the plate does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An open shot; everything that happens to it starts here."""

    shot: Shot
    reader: Reader
    clip: ClipInfo
    colour: Colour
    spaces: tuple[str, ...]
    """OpenColorIO name of each output's colour space."""
    numbers: tuple[int, ...]
    """Every frame of the whole shot, ascending. The track pass sees them all, also with ``--frames``."""
    finders: Finders | None = None
    """Finders of faces that stay open for several shots; None opens them for each track pass."""
    notes: tuple[str, ...] = ()
    """Notes for the user on the frames: missing handles, keyframes outside the shot."""

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
        """Folder of tracks and previews: that of the first output, or of the shot file if there is no output."""
        return Path(self.shot.outputs[0].path).parent if self.shot.outputs else self.shot.path.parent

    @property
    def tracks_path(self) -> Path:
        """The saved tracks: what the shot names, else beside the first output."""
        return Path(self.shot.tracks) if self.shot.tracks else self.folder / f"{self.name}.tracks.npz"

    @property
    def shown_colour(self) -> Colour:
        """The plate's colour for the search for faces: ``exposure:`` is applied if it is a number."""
        exposure = self.shot.exposure
        return self.colour if exposure == "auto" else self.colour.exposed(exposure)

    def file_digest(self, number: int) -> str:
        """Digest of the content of this frame's plate file; a movie is one file for all frames. Raises ReadError."""
        if self.clip.kind == "movie":
            return file_digest(Path(self.clip.path))
        return file_digest(self._file(number), number)

    @property
    def reading(self) -> tuple[str | int | None, ...]:
        """The settings of the shot that choose what is read from the plate's files, beside the colour space."""
        return self.shot.range, self.shot.part, self.shot.layer, self.shot.view

    def tracks_key(self) -> str:
        """What tracks are made from beside the frames of the plate, as JSON: version, settings, colour."""
        tracking = self.shot.tracking.model_dump(mode="json", exclude={"margin"})
        parts = {f"tracking.{name}": value for name, value in tracking.items()}
        parts |= {"exposure": self.shot.exposure, "pixel_aspect": self.clip.pixel_aspect}
        parts |= {"vfxage": __version__, "colour": self.colour.fingerprint, "reading": list(self.reading)}
        if self.clip.kind == "movie":
            parts["first_frame"] = self.clip.first
        return json.dumps(parts, sort_keys=True)

    def plate_files(self, numbers: Sequence[int]) -> dict[int, str]:
        """Digest of name, size and modification time of each frame's file; a movie is one file for all frames."""
        if self.clip.kind == "movie":
            return dict.fromkeys(numbers, digest(file_identity(Path(self.clip.path))))
        have = frozenset(self.clip.present or ())
        return {n: digest(file_identity(self._file(n), n)) if n in have else NO_FILE for n in numbers}

    def _file(self, number: int) -> Path:
        return Pattern.parse(self.clip.path).path(number)

    def with_missing(self, missing: Sequence[int]) -> Job:
        """The same open shot, with these frames missing: every other frame that fails to read is an error."""
        if not isinstance(self.reader, FilledReader):
            return self
        return replace(self, reader=self.reader.with_missing(missing))

    def missing(self, numbers: Sequence[int]) -> tuple[int, ...]:
        """Those of ``numbers`` that could not be read so far."""
        return tuple(n for n in numbers if isinstance(self.reader, FilledReader) and n in self.reader.missing)

    def fills(self, missing: Sequence[int]) -> Mapping[int, int | None]:
        """Which frame is held in the place of each missing frame; None for black."""
        filling = self.shot.missing_frames
        return {} if filling == "error" else fills(missing, self.numbers, filling)

    def pick(self, text: str | None) -> tuple[int, ...]:
        """Frames asked for by ``--frames`` (all where None); ShotError where the shot does not have them."""
        if text is None:
            return self.numbers
        try:
            asked = FrameRange.parse(text)
        except ShotError as error:
            raise ShotError(f"--frames: {error.what}", fix=error.fix) from error
        whole = set(self.numbers)
        outside = [n for n in asked if n not in whole]
        if outside:
            raise ShotError(
                f"frame {outside[0]} of --frames {text} is outside the shot, which has {FrameRange(self.numbers)}",
                path=self.shot.path,
                fix="ask for frames inside it",
            )
        return tuple(asked)


def likely_spaces(path: str, depth: str) -> tuple[str, ...]:
    """Colour spaces to suggest for a plate whose header names none, the likeliest first."""
    if depth in ("half", "float"):
        return _SCENE_LINEAR
    return _OF_PICTURES if Path(path).suffix.lower() in (".png", ".jpg", ".jpeg") else _OF_SCANS


def _listed(spaces: Sequence[str]) -> str:
    *others, last = (f"`{space}`" for space in spaces)
    return f"{', '.join(others)} or {last}"


@contextmanager
def open_job(shot: Shot) -> Iterator[Job]:
    """Open the plate, fix its colour and frames, and close the plate at the end of the block.

    Raises ReadError for the plate, ShotError for a range outside it or a plate whose colour space is not named. Errors
    from the block name the key of the path that they are about.
    """
    named = sorted(sources(shot), key=lambda source: not source.key.startswith(("`outputs", "`tracks")))
    from_file = shot.path.is_absolute()  # a shot that vfxage makes of a picture or a clip has no keys to name
    with naming_sources(named if from_file else ()), _opened(shot) as job:
        yield job


@contextmanager
def _opened(shot: Shot) -> Iterator[Job]:
    if shot.ocio:
        with with_shot_line(shot, "ocio"):
            known_spaces(shot.ocio)
    if Path(shot.plate).is_dir():
        found = sequence_in(shot.plate)
        line = os.path.relpath(found, shot.path.parent) if found else "name.%04d.exr"
        raise shot.error(ShotError("`plate` is a folder", fix=f"name what is in it: `plate: {line}`"), "plate")
    with with_shot_line(shot, "colorspace"):
        try:
            reader = open_reader(shot.plate, plate_settings(shot))
        except PictureChoiceError as error:
            what = f"the plate {Path(shot.plate).name} {error.what}"
            raise shot.error(ShotError(what, fix=error.fix), error.key) from error
    try:
        clip = _described(reader.info, shot)
        if clip.colorspace is None:
            raise ShotError(
                f"the colour space of the plate {Path(clip.path).name} is named neither in its header nor in the shot",
                path=shot.path,
                fix=f"add `colorspace:`, for example {_listed(likely_spaces(clip.path, clip.depth))}",
            )
        numbers, notes = _whole_shot(shot, clip)
        colour = plate_colour(clip, shot.ocio)
        _check_view(shot)
        yield Job(
            shot=shot,
            reader=reader if shot.missing_frames == "error" else FilledReader(reader, shot.missing_frames, numbers),
            clip=clip,
            colour=colour,
            spaces=tuple(_spaces(shot, clip, colour)),
            numbers=numbers,
            notes=(*notes, *_keyframes_outside(shot, numbers)),
        )
    finally:
        reader.close()


def _check_view(shot: Shot) -> None:
    """Raise ShotError with its line for a display or view of ``preview:`` that the config does not have."""
    try:
        check_names(shot.ocio, DisplayChoice(shot.preview.display, shot.preview.view))
    except ViewError as error:
        raise shot.error(error, "preview", error.key) from error


def plate_settings(shot: Shot) -> PlateSettings:
    """What the shot says of its plate in addition to the plate's own header."""
    choice = PictureChoice(
        part=shot.part,
        layer=shot.layer,
        view=shot.view,
        pass_through=any(output.pass_through for output in shot.outputs),
    )
    return PlateSettings(
        colorspace=shot.colorspace,
        first_frame=shot.first_frame,
        rate=shot.rate,
        levels=shot.range,
        picture=choice if choice != PictureChoice() else None,
        ocio=shot.ocio,
    )


@contextmanager
def with_shot_line(shot: Shot, *place: str | int) -> Iterator[None]:
    """Give a ShotError from the block the shot file and the line of ``place``, if it has no place of its own."""
    try:
        yield
    except ShotError as error:
        if error.path is not None:
            raise
        raise shot.error(error, *place) from error


def _spaces(shot: Shot, clip: ClipInfo, colour: Colour) -> Iterator[str]:
    """The colour space of each output. Raises ShotError with the line of an impossible one."""
    for index, output in enumerate(shot.outputs):
        with with_shot_line(shot, "outputs", index, "colorspace"):
            yield output_space(output, colour, like=clip.path, ocio=shot.ocio)


def _described(clip: ClipInfo, shot: Shot) -> ClipInfo:
    """The plate with what the shot says about it, in place of what the file says."""
    if shot.pixel_aspect is None:
        return clip
    aspect = Fraction(shot.pixel_aspect).limit_denominator(4096)
    return replace(clip, pixel_aspect=shot.pixel_aspect, tags=replace(clip.tags, pixel_aspect=aspect))


def _whole_shot(shot: Shot, clip: ClipInfo) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The frames of the shot (default: all of the plate) with handles, and a note if handles are missing."""
    asked = shot.frames
    filled = shot.missing_frames != "error" and clip.present is not None
    ends = asked is not None and (asked.first < clip.first or asked.last > clip.last)
    if asked and ends and not (filled and any(n in asked for n in clip.present or ())):
        what = f"frames {asked} reach outside the plate {Path(clip.path).name}, which has {clip.first}-{clip.last}"
        raise shot.error(ShotError(what, fix="correct `frames:` (or `first_frame:` of a movie)"), "frames")
    if asked is None:
        _check_digits(clip)
    numbers = asked.numbers if asked else range(clip.first, clip.last + 1)  # one stray file: a huge range
    if clip.present is not None and (not filled or len(numbers) > MOST_FRAMES):
        have = frozenset(clip.present)
        holes = sum(n not in have for n in numbers) if asked else clip.holes
        if holes:
            first = next(n for n in numbers if n not in have)
            path = Pattern.parse(clip.path).path(first)
            why = f": its file {no_file(path)}" if os.path.lexists(path) else ""
            raise ReadError(
                f"the sequence has a hole: {holes} of {count_of(len(numbers), 'frame')} missing, "
                f"the first is {first}{why}",
                path=clip.path,
                frame=first,
                fix="restore the frames, leave them out of `frames:`, or set `missing_frames: hold`",
            )
    before, after = _handles(shot, clip, filled, (numbers[0], numbers[-1]))
    short = min(len(before), len(after)) < shot.handles
    wanted = count_of(shot.handles, "frame")
    note = f"handles of {wanted}: the plate has {len(before)} before the shot and {len(after)} after it"
    return (*before, *numbers, *after), ((note,) if short else ())


def _check_digits(clip: ClipInfo) -> None:
    """Raise ReadError if the whole plate is wanted and a frame's name has more or fewer digits than the pattern."""
    if clip.kind != "sequence" or not Pattern.is_sequence(clip.path):
        return
    pattern = Pattern.parse(clip.path)
    names = {name: number for name, number in pattern.listed().strays.items() if number not in (clip.present or ())}
    if names:
        name, number = next(iter(names.items()))
        raise ReadError(
            f"{count_of(len(names), 'file')} of the plate cannot be frames of {Path(clip.path).name}: frame {number} "
            f"is named {name}, not {pattern.path(number).name}",
            path=clip.path,
            frame=number,
            fix="rename the files, or name the frames of the shot with `frames:`",
        )


def _handles(shot: Shot, clip: ClipInfo, filled: bool, ends: tuple[int, int]) -> tuple[list[int], list[int]]:
    """Frames before and after the shot, up to the plate's end or its first hole."""
    have = None if clip.present is None or filled else frozenset(clip.present)

    def there(number: int) -> bool:
        return clip.first <= number <= clip.last and (have is None or number in have)

    steps = range(1, shot.handles + 1)
    before = list(takewhile(there, (ends[0] - k for k in steps)))
    return before[::-1], list(takewhile(there, (ends[1] + k for k in steps)))


def _keyframes_outside(shot: Shot, numbers: Sequence[int]) -> Iterator[str]:
    """A note on each value whose keyframes all lie outside the shot, so that it never changes."""
    for index, face in enumerate(shot.faces):
        who = face.name or ("every face" if face.select == "all" else f"face {index}")
        for key, value in face.keyed():
            ends = value.keys_outside(numbers[0], numbers[-1])
            if ends is not None:
                yield (
                    f"{who}: the keyframes of `{key}` are at frames {ends[0]}-{ends[1]}, and the shot has "
                    f"{numbers[0]}-{numbers[-1]}: it stays {value.at(numbers[0]):g}"
                )
