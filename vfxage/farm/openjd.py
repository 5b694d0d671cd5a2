"""Writes an Open Job Description template (jobtemplate-2023-09): track, render in chunks, assemble, verify.

The specification is github.com/OpenJobDescription/openjd-specifications, with the extension TASK_CHUNKING.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vfxage import __version__
from vfxage.colour.environment import colour_environment
from vfxage.errors import OutputError, ShotError, count_of, plain_path
from vfxage.frames import FrameRange
from vfxage.publish import check_writable, publish
from vfxage.render.job import Job
from vfxage.render.resume import movies_of
from vfxage.shot.document import compose_text

JobDict = dict[str, Any]

_LONGEST_PARAMETER = 1024
"""Characters in the default of a parameter, by the specification."""
_LONGEST_VARIABLE = 2048
"""Characters in an environment variable, by the specification."""
_GRACE_S = 30
"""Seconds from SIGTERM to SIGKILL. A render stops within one frame."""


def job_template(
    job: Job, path: Path, *, chunk: int, device: str, overrides: Sequence[str] = ()
) -> tuple[JobDict, tuple[str, ...]]:
    """The template, to be written to ``path``, and notes for the user.

    If a movie cannot be assembled from a sequence of the shot, the render is one task. Raises ShotError for an
    override, a path or a variable that a template cannot contain.
    """
    override_words = _override_words(overrides)
    movies = movies_of(job)
    lone = [movie.path for movie, source in movies if source is None]
    parameters = _parameters(job, path)
    frame_list = str(FrameRange(job.numbers)).replace("x", ":").replace(" ", ",")
    if not lone:
        parameters |= _chunk_parameters(frame_list, chunk)
    # A list that is too long for a parameter is in the step itself.
    ranged = "{{Param.Frames}}" if "Frames" in parameters else frame_list
    where = ["--device", device]
    steps = [
        _step("Track", ["track", *override_words], None),
        _step("Render", ["render", *where, *override_words], "Track", device=device, ranged=None if lone else ranged),
    ]
    if movies and not lone:
        steps.append(_step("Assemble", ["assemble", *where, *override_words], "Render"))
    frames = ["--frames={{Param.Frames}}"] if "Frames" in parameters else []
    steps.append(_step("Verify", ["verify", *where, *override_words, *frames], steps[-1]["name"]))
    template: JobDict = {
        "specificationVersion": "jobtemplate-2023-09",
        **({} if lone else {"extensions": ["TASK_CHUNKING"]}),
        "name": f"vfxage {_plain(job.name)}",
        "description": f"written by vfxage {__version__}: {count_of(len(job.numbers), 'frame')} of "
        f"{_plain(job.shot.path.name)}",
        "parameterDefinitions": list(parameters.values()),
        **_environments(job),
        "steps": steps,
    }
    return template, tuple(_told_of_lone(path) for path in lone)


def _told_of_lone(movie: str) -> str:
    what = f"{movie} cannot be assembled from frames, so the render is one task"
    return f"{what}: for chunks, give the shot an OpenEXR output with delta (and matte)"


def write_template(template: JobDict, path: Path, *, overwrite: bool) -> None:
    """Write the template as YAML. Raises OutputError if it cannot be written there, or exists without ``overwrite``."""
    if path.exists() and not overwrite:
        raise OutputError("exists already", path=path, fix="choose another path, or use --overwrite to replace it")
    check_writable(path.parent)
    with publish(path) as partial:
        partial.write_text(compose_text(template), encoding="utf-8")


def _parameters(job: Job, path: Path) -> dict[str, JobDict]:
    """The parameters of every template, by name: the shot file and the program."""
    shot: JobDict = {"name": "Shot", "description": "The shot file"}
    within = _within(job.shot.path, path)
    if within is not None:
        shot |= {"type": "PATH", "objectType": "FILE", "dataFlow": "IN", "default": within}
    else:  # the default of a PATH must be inside the template's folder
        shot |= {"type": "STRING", "default": str(job.shot.path)}
    if len(shot["default"]) > _LONGEST_PARAMETER:
        what = f"its path is longer than {_LONGEST_PARAMETER} characters, the most in a job template"
        raise ShotError(what, path=job.shot.path, fix="write the template into the shot file's folder")
    program: JobDict = {
        "name": "Program",
        "type": "STRING",
        "default": "vfxage",
        "description": "vfxage on the workers",
    }
    return {"Shot": shot, "Program": program}


def _within(shot: Path, template: Path) -> str | None:
    """The shot file's path from the template's folder; None if it is not inside.

    A link stays a link, because the shot's relative paths start in the folder of the link. If the two paths as given
    do not show it, the folders are compared by what they are.
    """
    given, here = Path(plain_path(shot)), Path(plain_path(template.absolute())).parent
    places = [(given, here), (given.parent.resolve() / given.name, here.resolve())]
    return next((str(file.relative_to(top)) for file, top in places if _is_in(file, top)), None)


def _is_in(file: Path, folder: Path) -> bool:
    return file.is_relative_to(folder) and ".." not in file.relative_to(folder).parts


def _chunk_parameters(frames: str, chunk: int) -> dict[str, JobDict]:
    """The parameters of a render in chunks: the frames, if their list is short enough, and the size of a chunk."""
    described = "Frames to render: 1001-1020:2,1030"
    ranged = {"name": "Frames", "type": "STRING", "default": frames, "description": described}
    size = {"name": "ChunkSize", "type": "INT", "default": chunk, "minValue": 1, "description": "Frames of a task"}
    return {"Frames": ranged, "ChunkSize": size} if len(frames) <= _LONGEST_PARAMETER else {"ChunkSize": size}


def _override_words(overrides: Sequence[str]) -> list[str]:
    for text in overrides:
        _check_text(f"--set {text}", text, "edit the shot file instead")
    return [word for text in overrides for word in ("--set", text)]


def _environments(job: Job) -> JobDict:
    """The environment of every step: variables on which the colours of the shot depend."""
    variables = colour_environment(job.shot.ocio)
    for name, value in variables.items():
        _check_text(f"${name} ({value})", value, "name the colour config with `ocio:` in the shot file")
        if len(value) > _LONGEST_VARIABLE:
            what = f"${name} has more than {_LONGEST_VARIABLE} characters, the most in a job template"
            raise ShotError(what, path=job.shot.path, fix="shorten it")
    if not variables:
        return {}
    return {"jobEnvironments": [{"name": "Colour", "variables": variables}]}


def _check_text(name: str, text: str, fix: str) -> None:
    """Raise ShotError for text that a template would read in another way."""
    if "{{" in text:
        raise ShotError(f"{name} cannot be written into a job template: {{{{ starts a variable there", fix=fix)
    if any(unicodedata.category(letter) == "Cc" for letter in text):
        raise ShotError(f"{name!r} cannot be written into a job template: it has a control character", fix=fix)


def _step(name: str, words: list[str], after: str | None, *, device: str = "cpu", ranged: str | None = None) -> JobDict:
    """A step that calls vfxage once, or once for each chunk of the frames ``ranged``."""
    command, *options = words
    task: JobDict = {}
    if ranged is not None:
        options = ["--frames={{Task.Param.Frame}}", *options]  # with =, because a range can start with a minus
        sizes = {
            "defaultTaskCount": "{{Param.ChunkSize}}",
            "targetRuntimeSeconds": 0,
            "rangeConstraint": "NONCONTIGUOUS",
        }
        frame = {"name": "Frame", "type": "CHUNK[INT]", "range": ranged, "chunks": sizes}
        task = {"parameterSpace": {"taskParameterDefinitions": [frame]}}
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
    """A job's name without control characters and double braces, which the specification forbids."""
    return "".join(letter for letter in name if letter.isprintable()).replace("{{", "{ {")[:100] or "shot"
