"""Which files of a shot a comp is rebuilt from, and in which space their light can be added."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vfxage.errors import ShotError
from vfxage.job import Job
from vfxage.shot import Output


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
    """OpenColorIO name of the linear space with the plate's primaries, in which delta and beauty are; None where the
    config has no name for it."""
    notes: tuple[str, ...]
    """What a user should know."""


def find_sources(job: Job) -> Sources:
    """Choose the outputs to read: EXR only, as no other format holds a delta.

    Raises ShotError where no output holds the delta, or where the plate's light can be had in Nuke neither from the
    plate nor from a pass.
    """
    delta, matte, beauty, plate = (_holder(job, name) for name in ("delta", "matte", "beauty", "plate"))
    if delta is None:
        raise job.shot.error(
            "outputs", ShotError("no output writes the delta pass as EXR", fix="add one with `passes: [delta, matte]`")
        )
    notes = []
    if matte is None:
        notes.append("no output writes the matte pass as EXR: the script has no knobs for the matte's edge")
    if beauty is None:
        notes.append("no output writes the beauty pass as EXR: the script has no switch to the rendered beauty")
    if job.colour.linear:
        plate = None
    elif plate is None:
        _check_curve(job, delta)
        if job.clip.kind == "movie":
            notes.append(
                "Nuke decodes the plate's movie by itself, a code value or two from vfxage's: with the pass `plate` in "
                f"{Path(delta.path).name} the comp is the beauty exactly"
            )
    space = job.colour.linear_name
    return Sources(delta=delta, matte=matte, beauty=beauty, plate=plate, space=space, notes=tuple(notes))


def _holder(job: Job, wanted: str) -> Output | None:
    """The first EXR output that has a pass."""
    for output in job.shot.outputs:
        passes: tuple[str, ...] = output.passes
        if Path(output.path).suffix.lower() == ".exr" and wanted in passes:
            return output
    return None


def _check_curve(job: Job, delta: Output) -> None:
    """See that OpenColorIO, by itself, makes of the plate's codes the light that vfxage makes of them."""
    if job.colour.linear_name is None or "HLG" in job.colour.name:
        what = (
            f"OpenColorIO has no linear space that is {job.colour.name} less its curve, so Nuke cannot add to the plate"
        )
        raise job.shot.error("outputs", ShotError(what, fix=f"add the pass `plate` to {Path(delta.path).name}"))
