"""The command that writes the first shot file for a plate: init."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from vfxage.cli.console import Console
from vfxage.cli.info_tables import in_words
from vfxage.errors import OutputError, ShotError, count_of
from vfxage.frames import Pattern
from vfxage.shot.paths import escaped

_AGES = "source_age: 40", "target_age: 60"
"""Ages to begin with: a visible change that any model can make."""
_OPTIONS = """
# More keys, with their defaults. `vfxage schema` prints all of them.
# model: builtin                            # or relief, small, bands, or the path of a model file
# temporal: {radius: 2, strength: 1.0}      # keeps the change steady over the frames before and after
# matte: {kind: head, feather: 0.08}        # head, face or box
# tracking: {max_gap: 12, min_face: 48}     # longest gap that tracking fills, frames; smallest face, pixels
# handles: 0                                # frames to render before and after `frames`
"""


def init(
    plate: Annotated[
        str, typer.Argument(metavar="PLATE", help="A movie, or a sequence such as a.%04d.exr.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="SHOT.yaml", help="Default: NAME.yaml in this folder, after the plate."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
    *,
    console: Console,
) -> None:
    """Write a shot file for a plate, with what `vfxage info` finds in it and comments on what to decide.

    Example: vfxage init plate/sh010.%04d.exr
    """
    path = (out or Path(f"{_name(plate)}.yaml")).absolute()
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise ShotError("is not the name of a shot file", path=path, fix="end it in .yaml")
    if path.exists() and not overwrite:
        raise OutputError("exists already", path=path, fix="choose another --out, or use --overwrite")
    from vfxage.media import sequence_of
    from vfxage.publish import check_writable, publish
    from vfxage.render.info import describe_plate

    check_writable(path.parent)
    found = describe_plate(plate)
    sequence = sequence_of(plate)
    if sequence:
        console.note(f"{plate} is one frame: name {sequence} for the whole sequence")
    with publish(path) as partial:
        partial.write_text("\n".join(_lines(found, path)) + "\n", encoding="utf-8")
    console.result(str(path))


def _name(plate: str) -> str:
    """The plate's name without frame number and suffix, in letters, digits and ``._-``."""
    prefix = Pattern.parse(plate).prefix if Pattern.is_sequence(plate) else Path(plate).stem
    return re.sub(r"[^\w.-]", "_", prefix).strip("._- ") or "shot"


def _lines(found: Mapping[str, Any], path: Path) -> Iterator[str]:
    """The lines of the shot file at ``path`` for a plate that ``describe_plate`` described."""
    plate = found["plate"]
    yield from (
        "# A shot file of vfxage. Paths are relative to this file.",
        f"# Look at it:  vfxage preview {path.name}",
        f"# Render it:   vfxage render {path.name}",
        "",
        *_about(found),
        _line("plate", escaped(_from(path.parent, plate["path"]))),
        "",
    )
    if plate["missing"]:
        count = count_of(plate["missing"], "frame")
        yield f"# {count} missing, and left out here. `missing_frames: hold` or `black` fills missing frames."
    first, last = plate["first"], plate["last"]
    if first < last:
        part = f"{first}-{(first + last) // 2}, or every second frame {first}-{last}x2"
        yield f"# All frames of the plate. Make it shorter to render a part: {part}."
    yield _line("frames", plate["frames"])
    if plate["kind"] == "movie":
        yield "# first_frame: 1001                       # number of the movie's first frame; without it, 1"
    if plate["rate"] is None:
        yield "# rate: 24                                # frames per second; the plate does not say"
    yield from ("", *_colour(plate), "", "faces:", *_faces(found), "")
    yield from _outputs(_name(plate["path"]))
    yield _OPTIONS.rstrip("\n")


def _from(folder: Path, plate: str) -> str:
    """The path of the plate from the folder of the shot file; absolute if ``..`` would lead through a link."""
    relative = os.path.relpath(plate, folder)
    return relative if os.path.realpath(folder / relative) == os.path.realpath(plate) else plate


def _about(found: Mapping[str, Any]) -> Iterator[str]:
    """What is known about the plate, as comments."""
    words = in_words(found)["plate"]
    shown = [f"{key} {words[key]}" for key in ("size", "rate", "samples", "alpha", "audio", "timecode") if key in words]
    yield _comment(f"The plate: {', '.join(shown)}.")
    yield from (_comment(f"note: {note}") for note in words["notes"])


def _colour(plate: Mapping[str, Any]) -> Iterator[str]:
    from vfxage.render.job import likely_spaces

    if plate["colorspace"]:
        yield "# The colour space, as the plate names it. `vfxage info --colorspaces` lists the names."
        yield f"# {_line('colorspace', plate['colorspace'])}"
    else:
        yield "# The plate does not name its colour space: write it here. `vfxage info --colorspaces` lists the names."
        yield f"# {_line('colorspace', likely_spaces(plate['path'], plate['samples'])[0])}"


def _faces(found: Mapping[str, Any]) -> Iterator[str]:
    """The faces: one that is alone by its size, several by a point in the frame that shows most of them."""
    plate, faces = found["plate"], found["faces"]
    numbers = sorted({face["frame"] for face in faces or ()})
    frames = [[face for face in faces or () if face["frame"] == number] for number in numbers]
    most = max(frames, key=len, default=[])
    keys = f"keyframes {{{plate['first']}: 40, {plate['last']}: 60}}"
    target = f"a number, or {keys}" if plate["first"] < plate["last"] else "a number"
    if faces is None:
        yield "  # Faces were not searched, because the colour space is not named."
    elif not most:
        yield "  # No face was found in the first, the middle and the last frame."
    if len(most) < 2:
        yield from _face("lead", "largest" if most else "all", most[0] if most else None, target)
        point = f"{{frame: {plate['first']}, point: [{plate['width'] // 2}, {plate['height'] // 2}]}}"
        yield f"    # select: {point}    # or left, right, largest, all, or a point on a frame"
        return
    for index, face in enumerate(most, start=1):
        x, y = face["centre"]
        yield from _face(f"face{index}", f"{{frame: {face['frame']}, point: [{x:g}, {y:g}]}}", face, target)


def _face(name: str, select: str, found: Mapping[str, Any] | None, target: str) -> Iterator[str]:
    """One face; ``target`` says what its target age may be."""
    if found:
        x, y = found["centre"]
        yield f"  # {found['height']:.0f} pixels high, at ({x:.0f}, {y:.0f}) in frame {found['frame']}"
    yield from (f"  - name: {name}", f"    select: {select}")
    yield f"    {_AGES[0]}                        # age of the actor in the plate, years"
    yield f"    {_AGES[1]}                        # age after the change: {target}"


def _outputs(name: str) -> Iterator[str]:
    yield from (
        "outputs:",
        "  # For the comp: plate plus delta is the beauty.",
        f"  - {_line('path', f'out/{name}.%04d.exr')}",
        "    passes: [beauty, delta, matte]",
        "  # For the review:",
        f"  # - {_line('path', f'out/{name}.mov')}",
        "  #   codec: prores_hq",
    )


def _line(key: str, value: str) -> str:
    """A key and its text on one line of YAML."""
    from vfxage.shot.document import compose_text

    line = compose_text({key: value}).rstrip("\n")
    return f"{key}: {json.dumps(value)}" if "\n" in line else line


def _comment(text: str) -> str:
    return "# " + " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
