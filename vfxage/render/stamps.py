"""Stamps: the digests of what each frame of a run is made of, and the outputs that carry them.

A stamp covers the plate frames and faces (landmarks, ages, intensity, study) inside the temporal filter's window, the
frame's own hands and drawn mattes, the ager, matte, filter and colour. It does not cover where files are or when they
were written. So a change to one keyframe renders exactly the frames that it reaches, on whichever host.

A stamp is 32 hex digits. A frame that a GPU made has the GPU's ``cores.device_key`` behind a hyphen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vfxage import __version__
from vfxage.comp.roto import DrawnMattes
from vfxage.face.track import Tracks
from vfxage.fingerprint import digest, window_digests
from vfxage.media.base import Destination
from vfxage.render.job import Job
from vfxage.render.scene import Scene, with_handles


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamps:
    """Digests of everything that each frame is made of; built once per run for writers, report, resume and verify."""

    numbers: tuple[int, ...]
    """Frames that have a stamp, ascending."""
    plate: Mapping[int, str]
    """Digest of the plate's pixels for each frame that the temporal filter sees, filled frames included."""
    device: str
    """The ager's device, named as in ``Ager.device``."""
    ager_fingerprint: str
    own: Mapping[int, str]
    """Digest of each frame's plate and crops, without its neighbours."""
    mattes: Mapping[int, str]
    """Digest of each frame's hands and drawn mattes; only frames that have some."""
    settings: tuple[Any, ...]
    """Settings of matte and temporal filter."""
    radius: int
    frames: Mapping[int, str] = field(init=False)
    """The digest of each frame, by its number."""

    def __post_init__(self) -> None:
        constants = [__version__, self.ager_fingerprint, *self.settings]
        windows = window_digests(self.own, self.numbers, self.radius, constants)
        found = {n: digest(window, self.mattes[n]) if n in self.mattes else window for n, window in windows.items()}
        object.__setattr__(self, "frames", found)

    def on_device(self, device: str, ager_fingerprint: str) -> Stamps:
        """The stamps of the same frames made on another device; reads nothing."""
        return replace(self, device=device, ager_fingerprint=ager_fingerprint)

    def of_output(self, numbers: Sequence[int], form: Sequence[Any]) -> dict[int, str]:
        """The stamps that these frames carry in an output of this ``form``: its passes, codec, depth and the like."""
        suffix = "" if self.device == "cpu" else f"-{self.device}"
        return {number: digest(self.frames[number], form) + suffix for number in numbers}


def device_of(stamp: str) -> str:
    """The device that a stamp names."""
    return stamp.partition("-")[2] or "cpu"


def stamp_frames(job: Job, tracks: Tracks, scene: Scene, drawn: DrawnMattes, numbers: Sequence[int]) -> Stamps:
    """Build the stamps of ``numbers``. Plate digests come from the tracks; the files of drawn mattes are read."""
    plate = _plate_digests(job, tracks, scene, with_handles(job.numbers, frozenset(numbers), scene.radius))
    own = {n: digest(value, n in scene.cuts, *scene.plan.dependencies(n)) for n, value in plate.items()}
    matte = job.shot.matte.model_dump(mode="json", exclude={"file", "hold_out", "hands"})
    return Stamps(
        numbers=tuple(numbers),
        plate=plate,
        device=scene.ager.device,
        ager_fingerprint=scene.ager.fingerprint,
        own=own,
        mattes=_matte_digests(scene, drawn, numbers),
        settings=(matte, job.shot.temporal.model_dump(mode="json")),
        radius=scene.radius,
    )


def _plate_digests(job: Job, tracks: Tracks, scene: Scene, numbers: Sequence[int]) -> dict[int, str]:
    """Digest of what each plate frame shows: its file, its place in it, how it becomes linear, what fills it."""
    files = dict(zip(tracks.numbers, tracks.plate, strict=True)) if job.clip.kind == "sequence" else {}

    def content(number: int) -> str:
        if job.clip.kind == "movie":
            return digest(tracks.plate[0], number - job.clip.first, job.colour.fingerprint, job.reading)
        return digest(files[number], job.colour.fingerprint, job.reading)

    found = {}
    for number in numbers:
        if number not in scene.fills:
            found[number] = content(number)
        else:
            other = scene.fills[number]
            found[number] = digest("black") if other is None else digest("hold", other, content(other))
    return found


def _matte_digests(scene: Scene, drawn: DrawnMattes, numbers: Sequence[int]) -> dict[int, str]:
    found = {}
    for number in numbers:
        parts: list[object] = [drawn.digest(number)] if drawn else []
        for hand, row in scene.plan.hands_at(number):
            parts += [hand.points[row].tobytes(), hand.motion[row].tobytes()]
            parts += [float(hand.size[row]), float(hand.presence[row])]
        if parts:
            found[number] = digest(*parts)
    return found


def destinations(
    job: Job, scene: Scene, stamps: Stamps, numbers: Sequence[Sequence[int]] | None = None
) -> list[Destination]:
    """Resolve every output of the shot against its plate; ``numbers`` are its frames (default: all with stamps)."""
    spans = numbers or [stamps.numbers] * len(job.shot.outputs)
    return [_destination(job, scene, stamps, index, tuple(span)) for index, span in enumerate(spans)]


def _destination(job: Job, scene: Scene, stamps: Stamps, index: int, numbers: tuple[int, ...]) -> Destination:
    output = job.shot.outputs[index]
    shows_crop = bool({"uv", "crop"} & set(output.passes))
    shown_faces, size = scene.plan.crop_pass_faces(output.face) if shows_crop else ((), 0)
    space = job.spaces[index]
    form = [
        sorted(output.passes),
        output.codec,
        output.depth,
        output.compression,
        space,
        scene.passes.layers,
        shown_faces,
        size,
        *(["pass_through"] if output.pass_through else []),
    ]
    return Destination(
        path=output.path,
        passes=output.passes,
        codec=output.codec,
        clip=job.clip,
        colorspace=space,
        depth=output.depth,
        compression=output.compression or "zips",
        pass_through=output.pass_through,
        ocio=job.shot.ocio,
        numbers=numbers,
        faces=scene.plan.names if scene.passes.layers else (),
        crop_pass_faces=shown_faces,
        crop_size=size,
        alpha=job.clip.alpha,
        device=stamps.device,
        stamps=stamps.of_output(numbers, form),
    )
