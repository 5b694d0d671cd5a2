"""A shot as a job template of Open Job Description (jobtemplate-2023-09): track, render in chunks, assemble, verify.

The specification is that of github.com/OpenJobDescription/openjd-specifications, with the extension TASK_CHUNKING.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vfxage.errors import OutputError, ShotError
from vfxage.frames import FrameRange
from vfxage.publish import publish
from vfxage.render.assemble import movies_of
from vfxage.render.job import Job
from vfxage.shot.document import compose_text

Facts = dict[str, Any]

_GRACE_S = 30
"""Seconds from SIGTERM to SIGKILL: a render stops before the end of the frame it works on."""


def job_template(
    job: Job, path: Path, *, chunk: int, device: str, overrides: Sequence[str] = ()
) -> tuple[Facts, tuple[str, ...]]:
    """The template, to be written at ``path``, and notes on it.

    A movie that no sequence of the shot can be assembled into makes the render one task. Raises ShotError for overrides
    that a template cannot hold.
    """
    for text in overrides:
        if "{{" in text:
            what = f"--set {text} cannot be written into a job: {{{{ is special there"
            raise ShotError(what, fix="set the value in the shot file")
    movies = movies_of(job)
    lone = [movie.path for movie, source in movies if source is None]
    notes = tuple(
        f"{path} cannot be assembled from frames, so the render is one task: for chunks, give the shot an OpenEXR "
        "output with delta (and matte)"
        for path in lone
    )
    said = [word for text in overrides for word in ("--set", text)]
    where = ["--device", device]
    steps = [
        _step("Track", ["track", *said], None),
        _step("Render", ["render", *where, *said], "Track", device=device, chunks=not lone),
    ]
    if movies and not lone:
        steps.append(_step("Assemble", ["assemble", *where, *said], "Render"))
    frames = [] if lone else ["--frames={{Param.Frames}}"]
    last = steps[-1]["name"]
    steps.append(_step("Verify", ["verify", *where, *said, *frames], last))
    template: Facts = {
        "specificationVersion": "jobtemplate-2023-09",
        **({} if lone else {"extensions": ["TASK_CHUNKING"]}),
        "name": f"vfxage {_plain(job.name)}",
        "description": f"written by vfxage submit: {len(job.numbers)} frames of {job.shot.path.name}",
        "parameterDefinitions": _parameters(job, path, chunk, chunks=not lone),
        "steps": steps,
    }
    return template, notes


def write_template(template: Facts, path: Path, *, overwrite: bool) -> None:
    """Write the template as YAML. Raises OutputError where the file exists already, WriteError."""
    if path.exists() and not overwrite:
        raise OutputError("exists already", path=path, fix="choose another path, or say --overwrite to replace it")
    with publish(path) as partial:
        partial.write_text(compose_text(template), encoding="utf-8")


def _parameters(job: Job, path: Path, chunk: int, *, chunks: bool) -> list[Facts]:
    shot: Facts = {"name": "Shot", "description": "The shot file"}
    here = path.absolute().parent.resolve()
    if job.shot.path.resolve().is_relative_to(here):
        default = str(job.shot.path.resolve().relative_to(here))
        shot |= {"type": "PATH", "objectType": "FILE", "dataFlow": "IN", "default": default}
    else:  # the default of a PATH may not lie outside the template's folder
        shot |= {"type": "STRING", "default": str(job.shot.path)}
    program: Facts = {"name": "Program", "type": "STRING", "default": "vfxage", "description": "vfxage on the workers"}
    if not chunks:
        return [shot, program]
    ranged = str(FrameRange(job.numbers)).replace("x", ":").replace(" ", ",")
    frames = {
        "name": "Frames",
        "type": "STRING",
        "default": ranged,
        "description": "Frames to render: 1001-1020:2,1030",
    }
    size = {"name": "ChunkSize", "type": "INT", "default": chunk, "minValue": 1, "description": "Frames of a task"}
    return [shot, program, frames, size]


def _step(name: str, words: list[str], after: str | None, *, device: str = "cpu", chunks: bool = False) -> Facts:
    """One call of vfxage, or in ``chunks`` one for each chunk of the frames."""
    command, *options = words
    task: Facts = {}
    if chunks:
        options = ["--frames={{Task.Param.Frame}}", *options]  # with =, as a range may begin with a minus
        sizes = {
            "defaultTaskCount": "{{Param.ChunkSize}}",
            "targetRuntimeSeconds": 0,
            "rangeConstraint": "NONCONTIGUOUS",
        }
        ranged = {"name": "Frame", "type": "CHUNK[INT]", "range": "{{Param.Frames}}", "chunks": sizes}
        task = {"parameterSpace": {"taskParameterDefinitions": [ranged]}}
    run = {
        "command": "{{Param.Program}}",
        "args": [command, "{{Param.Shot}}", "--log", "openjd", *options],
        "cancelation": {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": _GRACE_S},
    }
    gpu = {"hostRequirements": {"amounts": [{"name": "amount.worker.gpu", "min": 1}]}}
    return {
        "name": name,
        **({"dependencies": [{"dependsOn": after}]} if after else {}),
        **(gpu if device.startswith("cuda") else {}),
        **task,
        "script": {"actions": {"onRun": run}},
    }


def _plain(name: str) -> str:
    """The job's name without what the specification forbids: control characters and double braces."""
    return "".join(letter for letter in name if letter.isprintable()).replace("{{", "{ {")[:100] or "shot"
