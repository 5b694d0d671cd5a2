"""Make shot files from a cut and a template: all are planned and checked before the first is written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vfxage.editorial.conform import Conformed, conform, source_time
from vfxage.editorial.cut import Cut, Event, Refusal
from vfxage.editorial.template import Template, shot_name, unique
from vfxage.errors import OutputError, ReadError, ShotError, count_of
from vfxage.frames import Pattern
from vfxage.media import FORMATS, PlateSettings, open_reader
from vfxage.publish import check_writable, publish
from vfxage.shot.document import Document
from vfxage.shot.load import check_shot
from vfxage.shot.models import Shot, frame_rate
from vfxage.types import ClipInfo

_FIRST = ("plate", "frames", "handles")
"""The first keys of a shot file, in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotFile:
    """One planned shot file."""

    path: Path
    event: Event
    frames: Conformed
    plate: str
    """Path of the plate, as the file has it."""
    text: str
    notes: tuple[str, ...]

    def facts(self) -> Mapping[str, Any]:
        """The columns of its row in the printed table."""
        return {
            "event": self.event.number,
            "shot": self.path.name,
            "plate": self.plate,
            "source": source_time(self.event),
            "frames": f"{self.frames.first}-{self.frames.last}",
            "count": self.frames.last - self.frames.first + 1,
            "notes": "; ".join(self.notes),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The shot files of a cut, and the clips that get none."""

    shots: tuple[ShotFile, ...]
    refused: tuple[Refusal, ...]


def plan_shots(cut: Cut, template: Template, folder: str | Path, handles: int | None) -> Plan:
    """Plan the shot files of a cut for ``folder``; nothing is written.

    ``handles`` replaces the handles of the template. A clip is refused, and the others are planned, if its frames
    cannot be known or its plate is damaged. Raises ShotError with file and line if the template does not give a valid
    shot, or if two shots would write the same files.
    """
    planner = _Planner(cut, template, Path(folder).absolute(), handles)
    for event in cut.events:
        planner.add(event)
    refused = sorted((*cut.refused, *planner.refused), key=lambda refusal: refusal.number)
    return Plan(shots=tuple(planner.shots), refused=tuple(refused))


class _Planner:
    """Plans one event after the other, and remembers plates, names and outputs."""

    def __init__(self, cut: Cut, template: Template, folder: Path, handles: int | None) -> None:
        self._cut, self._template, self._folder, self._handles = cut, template, folder, handles
        self.shots: list[ShotFile] = []
        self.refused: list[Refusal] = []
        self._names: set[str] = set()
        self._plates: dict[str, ClipInfo | ShotError | ReadError | None] = {}
        self._outputs: dict[str, str] = {}

    def add(self, event: Event) -> None:
        """Plan one event's shot, or refuse it."""
        path = self._folder / f"{unique(shot_name(event.name), self._names)}.yaml"
        data = dict(self._template.filled(event, path.stem))
        plate = data.get("plate") or (event.media.path if event.media else None)
        try:
            if plate is None:
                raise ShotError("the cut names no file for it", fix="add `plate:` to the template")
            clip = self._clip(plate, data)
            frames = conform(event, clip, _first_frame(data))
        except (ShotError, ReadError) as error:
            why = str(error)
            self.refused.append(Refusal(number=event.number, track=event.track, name=event.name, why=why))
            return
        data |= {"plate": plate, "frames": _range(frames)}
        for key in _unused_keys(plate):
            data.pop(key, None)
        if self._handles is not None:
            data["handles"] = self._handles
        data = {key: data[key] for key in (*(key for key in _FIRST if key in data), *data)}
        shot = self._checked(path, data)
        self.shots.append(
            ShotFile(
                path=path,
                event=event,
                frames=frames,
                plate=plate,
                text=f"{self._heading(event)}{self._template.written(event, path.stem, data)}",
                notes=(*frames.notes, *self._notes(frames, shot.handles, clip)),
            )
        )

    def _clip(self, plate: str, data: Mapping[str, Any]) -> ClipInfo | None:
        """The plate's header; None if the plate does not exist (yet). Raises the error of opening it, each time."""
        if plate not in self._plates:
            path = self._folder / plate  # `..` needs normpath while the folder does not exist
            self._plates[plate] = _open(path if self._folder.is_dir() else Path(os.path.normpath(path)), data)
        clip = self._plates[plate]
        if isinstance(clip, Exception):
            raise clip
        return clip

    def _checked(self, path: Path, data: dict[str, Any]) -> Shot:
        """The valid shot of the data; raises ShotError if another shot has one of its outputs."""
        lines = self._template.document.lines
        try:
            shot = check_shot(path, Document(data, MappingProxyType(dict(lines))))
        except ShotError as error:
            raise self._template.error(error.what, error.fix or "correct it", line=error.line) from error
        for output in shot.outputs:
            other = self._outputs.setdefault(output.path.casefold(), path.stem)
            if other != path.stem:
                what = f"{other} and {path.stem} would write the same file, {Path(output.path).name}"
                raise self._template.error(what, "put {name} into the path of every output", key="outputs")
        return shot

    def _heading(self, event: Event) -> str:
        named = f"event {event.number}, track {event.track}: {event.name}, reel {event.reel}"
        lines = (
            f"Made by vfxage shots from {self._cut.path.name} with {self._template.path.name}.",
            f"{named}, source from {source_time(event)}, {event.length} frames",
        )
        return "".join(f"# {''.join(c if c.isprintable() else '_' for c in line)}\n" for line in lines) + "\n"

    def _notes(self, frames: Conformed, handles: int, clip: ClipInfo | None) -> tuple[str, ...]:
        notes = () if clip else ("the plate does not exist yet: its frames come from the cut",)
        if min(frames.before, frames.after) >= handles:
            return notes
        have = f"{min(frames.before, handles)} before and {min(frames.after, handles)} after"
        return (*notes, f"handles of {count_of(handles, 'frame')}: the plate has {have}")


def _range(frames: Conformed) -> str | int:
    """The value of `frames:`."""
    return f"{frames.first}-{frames.last}" if frames.last > frames.first else frames.first


def _unused_keys(plate: str) -> tuple[str, ...]:
    """The keys that this plate cannot have: a movie has its own rate and no layers, a sequence its own numbers."""
    return ("rate", "part", "layer", "view") if _is_movie(plate) else ("first_frame", "range")


def _is_movie(plate: str) -> bool:
    row = FORMATS.get(Path(plate).suffix.lower())
    return row is not None and row.kind == "movie"


def _first_frame(data: Mapping[str, Any]) -> int | None:
    number = data.get("first_frame")
    return number if isinstance(number, int) else None


def _rate(data: Mapping[str, Any]) -> Fraction | None:
    """The template's rate, or None if it is missing or wrong; the check of the shot reports a wrong one."""
    with suppress(ValueError):
        return frame_rate(data["rate"]) if data.get("rate") is not None else None
    return None


def _open(plate: Path, data: Mapping[str, Any]) -> ClipInfo | ShotError | ReadError | None:
    """The plate's header, None if there is no such file, or the error of opening it."""
    try:
        pattern = Pattern.parse(plate)
        if not pattern.folder.is_dir() or not pattern.numbers():
            return None
        movie = _is_movie(str(plate))
        settings = PlateSettings(first_frame=_first_frame(data)) if movie else PlateSettings(rate=_rate(data))
        with closing(open_reader(plate, settings)) as reader:
            return reader.info
    except (ShotError, ReadError) as error:
        return error


def write_shots(plan: Plan, *, overwrite: bool) -> tuple[list[Path], list[Path]]:
    """Write the shot files. Returns those that were written, and those that already had the same text.

    Raises OutputError, before anything is written, if a file with other text exists and ``overwrite`` is false, or if a
    folder cannot be written to; WriteError if a file cannot be written.
    """
    kept = [shot.path for shot in plan.shots if _holds(shot.path, shot.text)]
    changed = [shot for shot in plan.shots if shot.path not in kept]
    existing = [shot.path for shot in changed if shot.path.exists()]
    if existing and not overwrite:
        more = f" (and {len(existing) - 1} more)" if len(existing) > 1 else ""
        fix = "use --overwrite to replace, or choose another --out"
        raise OutputError(f"exists and differs{more}", path=existing[0], fix=fix)
    for folder in {shot.path.parent for shot in changed}:
        check_writable(folder)
    for shot in changed:
        with publish(shot.path) as partial:
            partial.write_text(shot.text, encoding="utf-8")
    return [shot.path for shot in changed], kept


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text
    except (OSError, UnicodeDecodeError):
        return False
