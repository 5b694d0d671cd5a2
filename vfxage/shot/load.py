"""Load a shot file. Every error names the file, the line, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from vfxage.frames import check_utf8
from vfxage.shot.document import Document, Place
from vfxage.shot.include import with_included
from vfxage.shot.models import EXAMPLE_POINT, FACE_DEFAULTS, Shot
from vfxage.shot.override import override
from vfxage.shot.rules import rule_violations
from vfxage.shot.strict import StrictFile, YamlKind, read_document

SHOT_FILE = YamlKind(
    name="shot file",
    if_empty="start with `plate: ...` (vfxage schema prints all keys)",
    if_binary="name the YAML file of a shot; `vfxage info` takes a plate on its own",
)


def is_shot_file(path: Path) -> bool:
    """Whether the name is that of a shot file and not of a plate."""
    return path.suffix.lower() in (".yaml", ".yml", ".json")


def load_shot(path: str | Path, overrides: Iterable[str] = ()) -> Shot:
    """Read and check a shot file; ``overrides`` are the texts of ``--set``, such as ``"faces.lead.target_age=60"``.

    A file with the suffix .json is read as JSON. Paths are relative to their file, and ``~`` and variables are
    expanded; the shot has them absolute. Raises ShotError with the file, the line, and the nearest right name or value.
    """
    path = Path(path).absolute()
    check_utf8(path)
    return check_shot(path, read_document(path, SHOT_FILE), overrides)


def check_shot(path: Path, document: Document, overrides: Iterable[str] = ()) -> Shot:
    """Check a document as the shot file ``path`` (absolute; it need not exist). Raises ShotError with path and line."""
    document = with_included(path, document)
    source = _ShotFile(path, document, Shot, override(document.data, overrides))
    shot = source.validate(lines=source.lines_of_file(), files=document.files)
    for violation in rule_violations(shot):
        raise source.error(violation.place, violation.what, violation.fix)
    return shot


_CHOICES = ("constrained-", "literal[")
"""What pydantic adds to the place of a value that may be of several kinds."""


class _ShotFile(StrictFile[Shot]):
    """Names faces in messages, and knows that the top level gives the ages that a face leaves out."""

    def place_of(self, problem: Mapping[str, Any]) -> Place:
        """The place in the file: without pydantic's tag for a union, and at the top for a default of the faces."""
        place: Place = tuple(part for part in problem["loc"] if not str(part).startswith(_CHOICES))
        if place[:1] == ("faces",) and place[2:3] == ("select",):
            place = (*place[:3], *place[4:])
        written = place in self.document.lines or problem["type"] == "missing"
        if place[:1] == ("faces",) and place[2:3] and place[2] in FACE_DEFAULTS and not written:
            return place[2:]
        return place

    def name_of(self, place: Place) -> str:
        """The place as ``--set`` writes it, with the names of faces."""
        words = [str(part) for part in place]
        faces = self.document.data.get("faces")
        if len(place) > 1 and place[0] == "faces" and isinstance(faces, list) and isinstance(place[1], int):
            face = faces[place[1]] if place[1] < len(faces) else None
            if isinstance(face, dict) and isinstance(face.get("name"), str):
                words[1] = face["name"]
        return ".".join(words)

    def explain(self, place: Place, problem: Mapping[str, Any]) -> tuple[str, str]:
        """What is wrong and what to do, with better advice for ages, faces and points."""
        what, fix = super().explain(place, problem)
        kind, key, where = problem["type"], place[-1], self.name_of(place[:-1])
        if kind == "missing" and place[0] == "faces" and key in FACE_DEFAULTS:
            if not self.document.data.get("faces"):
                return f"`{key}` is missing", f"add `{key}: 40` (years), or `faces:` with their own ages"
            return f"`{where}` has no `{key}`", f"add `{key}` to it, or at the top of the shot for every face"
        if kind == "too_short" and place == ("faces",):
            return what, "leave `faces` out to change every face, or name one"
        if place[2:] == ("select",) and place[0] == "faces":
            return what, f"{fix}, or a point such as {EXAMPLE_POINT}"
        one = kind == "missing" and isinstance(key, int)
        if place[2:4] == ("select", "point") and (one or kind in ("too_long", "tuple_type")):
            return what, "write [x, y]"
        return what, fix
