"""Which files of a shot a comp is rebuilt from, and in which space their light can be added."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vfxage.colour.space import Colour
from vfxage.errors import ShotError
from vfxage.render.job import Job
from vfxage.shot import Output
from vfxage.shot.outputs import Pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where each pass of a comp comes from."""

    delta: Output
    matte: Output | None
    """None: the edge of the matte cannot be changed."""
    beauty: Output | None
    """None: there is no rendered beauty to compare with."""
    plate: Output | None
    """The output that holds the plate's light as a pass; None: the plate itself is read."""
    space: str | None
    """OpenColorIO name of the linear space that delta and beauty are in; None where the config has no name for it."""
    notes: tuple[str, ...]
    """What a user should know."""

    @property
    def raw(self) -> bool:
        """Whether the delta before its matte lies beside the delta, so that the matte may grow."""
        return self.matte is not None and "delta_raw" in self.delta.passes


def find_sources(job: Job) -> Sources:
    """Choose the outputs to read: EXR only, as their layers are what the nodes take.

    Raises ShotError where no output holds the delta, or where the plate's light can be had in Nuke neither from the
    plate nor from a pass.
    """
    delta = next(_holders(job, "delta"), None)
    if delta is None:
        error = ShotError("no output writes the delta pass as EXR", fix="add one with `passes: [delta, matte]`")
        raise job.shot.error(error, "outputs")
    space = _light(job, delta)
    matte = delta if "matte" in delta.passes else next(_holders(job, "matte"), None)
    beauty, plate = (next((o for o in _holders(job, p) if _light(job, o) == space), None) for p in ("beauty", "plate"))
    notes = []
    if matte is None:
        notes.append("no output writes the matte pass as EXR: the script has no knobs for the matte's edge")
    if beauty is None:
        notes.append("no EXR output has the beauty in the delta's light: the script has no switch to it")
    if job.colour.linear and job.colour.name == space and job.shot.missing_frames == "error":
        plate = None
    elif plate is None:
        notes += _plate_notes(job, delta)
    return Sources(delta=delta, matte=matte, beauty=beauty, plate=plate, space=space, notes=tuple(notes))


def _holders(job: Job, wanted: Pass) -> Iterator[Output]:
    """The EXR outputs that have a pass."""
    for output in job.shot.outputs:
        if Path(output.path).suffix.lower() == ".exr" and wanted in output.passes:
            yield output


def _light(job: Job, output: Output) -> str | None:
    """The linear space an EXR output is in."""
    if output.colorspace is None:
        return job.colour.linear_name
    return Colour(output.colorspace, job.shot.ocio).linear_name


def _plate_notes(job: Job, delta: Output) -> Iterator[str]:
    """What differs between the plate as Nuke sees it and the light that delta was made for.

    Raises ShotError where OpenColorIO, by itself, does not make of the plate's codes the light that vfxage makes of
    them.
    """
    better = f"for the light that vfxage saw, add the pass `plate` to {Path(delta.path).name}"
    if not job.colour.linear and (job.colour.linear_name is None or job.colour.mixes):
        lacking = f"OpenColorIO has no linear space that is {job.colour.name} less its curve"
        what = f"{lacking}, so Nuke cannot add the delta to the plate"
        error = ShotError(what, fix=f"add the pass `plate` to {Path(delta.path).name}")
        raise job.shot.error(error, "outputs", job.shot.outputs.index(delta))
    if job.clip.kind == "movie":
        yield f"Nuke's decoding of the plate's movie differs from vfxage's by a code value or two: {better}"
    if job.shot.missing_frames == "hold":
        yield f"for missing frames, Nuke holds the nearest frame and vfxage the one before: {better}"
