"""Chooses the outputs that a comp reads, and the linear space in which it adds them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vfxage.colour.space import Colour
from vfxage.errors import ShotError
from vfxage.render.job import Job
from vfxage.shot import Output
from vfxage.types import Pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The output that each pass of a comp comes from."""

    delta: Output
    matte: Output | None
    """None if the edge of the matte cannot be changed."""
    beauty: Output | None
    """None if there is no rendered beauty to compare with."""
    plate: Output | None
    """The output with the linear plate as a pass; None: the script reads the plate itself."""
    hair: Output | None
    """The output with the mattes of the hair, if there is one."""
    space: str | None
    """OpenColorIO name of the linear space that delta and beauty are in; None if the config has no name for it."""
    notes: tuple[str, ...]
    """Notes for the user."""

    @property
    def raw(self) -> bool:
        """Whether the output also has the delta without matte, so that the matte can grow."""
        return self.matte is not None and "delta_raw" in self.delta.passes


def find_sources(job: Job) -> Sources:
    """Choose the outputs to read: only EXR, because the nodes read its layers.

    Raises ShotError if no output has the delta, or if Nuke can get the linear plate neither from the plate nor from a
    pass.
    """
    delta = next(_outputs_with(job, "delta"), None)
    if delta is None:
        error = ShotError("no output writes the delta pass as EXR", fix="add one with `passes: [delta, matte]`")
        raise job.shot.error(error, "outputs")
    space = _linear_space(job, delta)
    matte = delta if "matte" in delta.passes else next(_outputs_with(job, "matte"), None)
    beauty, plate = (
        next((o for o in _outputs_with(job, p) if _linear_space(job, o) == space), None) for p in ("beauty", "plate")
    )
    notes = []
    if matte is None:
        notes.append("no output writes the matte pass as EXR: the script has no knobs for the matte's edge")
    if beauty is None:
        notes.append("no EXR output has the beauty in the delta's colour space: the script has no switch to it")
    if job.colour.linear and job.colour.name == space and job.shot.missing_frames == "error":
        plate = None
    elif plate is None:
        notes += _plate_notes(job, delta)
    hair = next(_outputs_with(job, "matte_hair"), None)
    return Sources(delta=delta, matte=matte, beauty=beauty, plate=plate, hair=hair, space=space, notes=tuple(notes))


def _outputs_with(job: Job, wanted: Pass) -> Iterator[Output]:
    """The EXR outputs that have a pass."""
    for output in job.shot.outputs:
        if Path(output.path).suffix.lower() == ".exr" and wanted in output.passes:
            yield output


def _linear_space(job: Job, output: Output) -> str | None:
    """The linear space of an EXR output."""
    if output.colorspace is None:
        return job.colour.linear_name
    return Colour(output.colorspace, job.shot.ocio).linear_name


def _plate_notes(job: Job, delta: Output) -> Iterator[str]:
    """Notes on differences between the plate in Nuke and the linear plate that the delta was made for.

    Raises ShotError if OpenColorIO alone cannot convert the plate's codes to the linear values that vfxage uses.
    """
    better = f"for the same linear plate as in vfxage, add the pass `plate` to {Path(delta.path).name}"
    if not job.colour.linear and (job.colour.linear_name is None or job.colour.mixes or not job.colour.in_config):
        what = f"OpenColorIO has no linear space for {job.colour.name}, so Nuke cannot add the delta to the plate"
        error = ShotError(what, fix=f"add the pass `plate` to {Path(delta.path).name}")
        raise job.shot.error(error, "outputs", job.shot.outputs.index(delta))
    if job.clip.kind == "movie":
        yield f"Nuke's decoding of the plate's movie differs from vfxage's by a code value or two: {better}"
    if job.shot.missing_frames == "hold":
        yield f"for a missing frame Nuke repeats the nearest frame, vfxage the one before: {better}"
