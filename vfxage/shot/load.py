"""A shot file, loaded: every error names file, line and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vfxage.shot.document import Document, Place
from vfxage.shot.models import FACE_DEFAULTS, Shot
from vfxage.shot.override import override
from vfxage.shot.rules import misfits
from vfxage.shot.strict import Kind, StrictFile, read_document

SHOT_FILE = Kind(
    name="shot file",
    start="start with `plate: ...` (vfxage schema prints what a shot may say)",
    instead="name the YAML file of a shot; `vfxage info` takes a plate on its own",
)
_NONE: Mapping[Place, str] = MappingProxyType({})


def load_shot(path: str | Path, overrides: Iterable[str] = ()) -> Shot:
    """Read and check a shot file, with ``--set`` overrides (``"faces.lead.target_age=60"``) on top.

    Paths in it are relative to the file and come back absolute; nothing in them is expanded. Raises ShotError with the
    file, the line, and the nearest right name or value.
    """
    path = Path(path).absolute()
    document = read_document(path, SHOT_FILE)
    return check_shot(path, document, override(document.data, overrides))


def check_shot(path: Path, document: Document, overrides: Mapping[Place, str] = _NONE) -> Shot:
    """The shot that a mapping is, were it the file ``path`` (absolute); raises ShotError with path and line."""
    source = _ShotFile(path, document, Shot, overrides)
    shot = source.validated(lines=source.lines())
    for misfit in misfits(shot):
        raise source.error(misfit.place, misfit.what, misfit.fix)
    return shot


class _ShotFile(StrictFile[Shot]):
    """Calls faces by their names, and knows that what a face leaves out may stand at the top."""

    def place(self, problem: Mapping[str, Any]) -> Place:
        """pydantic's place without the names of a union's members; defaults of faces stand where they were written."""
        place: Place = tuple(problem["loc"])
        if place[:1] == ("faces",) and place[2:3] == ("select",):
            place = (*place[:3], *place[4:])
        written = place in self.document.lines or problem["type"] == "missing"
        if place[:1] == ("faces",) and place[2:3] and place[2] in FACE_DEFAULTS and not written:
            return place[2:]
        return place

    def name(self, place: Place) -> str:
        """The place as ``--set`` writes it: faces by name."""
        words = [str(part) for part in place]
        faces = self.document.data.get("faces")
        if len(place) > 1 and place[0] == "faces" and isinstance(faces, list) and isinstance(place[1], int):
            face = faces[place[1]] if place[1] < len(faces) else None
            if isinstance(face, dict) and isinstance(face.get("name"), str):
                words[1] = face["name"]
        return ".".join(words)

    def words(self, place: Place, problem: Mapping[str, Any]) -> tuple[str, str]:
        """Ages, faces and points have better advice than other keys."""
        what, fix = super().words(place, problem)
        kind, key, where = problem["type"], place[-1], self.name(place[:-1])
        if kind == "missing" and place[0] == "faces" and key in FACE_DEFAULTS:
            if not self.document.data.get("faces"):
                return f"`{key}` is missing", f"add `{key}: 40` (years), or `faces:` with ages of their own"
            return f"`{where}` has no `{key}`", f"add `{key}` to it, or at the top of the shot for every face"
        if kind == "too_short" and place == ("faces",):
            return what, "leave it out for every face, or name one"
        if place[2:4] == ("select", "point") and (kind == "too_long" or (kind == "missing" and isinstance(key, int))):
            return what, "write [x, y]"
        return what, fix
