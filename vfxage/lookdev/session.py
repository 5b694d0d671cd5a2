"""A shot while it is changed on the page: the data of its file with the changes, checked after each, and undo."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

from vfxage.errors import ShotError
from vfxage.lookdev.controls import Control, shot_controls
from vfxage.lookdev.shot_file import ShotFile
from vfxage.shot import FACE_DEFAULTS, Document, Keyed, Place, Shot, check_shot, with_included

_DIGITS = 4
"""Decimals of a number that the page writes."""

_SHOWN = frozenset({"faces", "model", "delta_from", "crop_size", "outputs", *FACE_DEFAULTS})
"""Keys of a shot that need no other plate or tracks when they change; sections with controls do not either."""


class Session:
    """The shot under the page. A change that the shot file cannot hold raises ShotError and changes nothing."""

    def __init__(self, file: ShotFile) -> None:
        self.file = file
        self.data: dict[str, Any] = deepcopy(file.document.data)
        """The data of the file with the changes."""
        self.shot: Shot = self._checked(self.data)
        self._undo: list[dict[str, Any]] = []
        self._step: object = None

    @property
    def changed(self) -> bool:
        """Whether the file does not have all changes."""
        return bool(self.data != self.file.document.data)

    def diff(self) -> str:
        """What ``write`` would change in the file."""
        return self.file.diff(self.data)

    def write(self) -> None:
        """Write the changes to the file; see ``ShotFile.write``."""
        self.file = self.file.write(self.data)
        self.data = deepcopy(self.file.document.data)

    def reload(self) -> None:
        """Read the file again and drop all changes.

        Raises ShotError, and keeps everything, for a wrong file, and for one with another plate or other settings that
        the page cannot show without opening the shot again.
        """
        fresh = Session(ShotFile.read(self.file.path))
        for key in Shot.model_fields.keys() - _SHOWN - {control.section for control in shot_controls()}:
            if getattr(fresh.shot, key) != getattr(self.shot, key):
                what, fix = f"`{key}` has changed in the file", "stop the page and run the same command again"
                raise fresh.shot.error(ShotError(what, fix=fix), key)
        self.file, self.data, self.shot = fresh.file, fresh.data, fresh.shot
        self._undo, self._step = [], None

    def undo(self) -> None:
        """Take back the last change, if there is one."""
        if self._undo:
            self.data = self._undo.pop()
            self.shot, self._step = self._checked(self.data), None

    def end_step(self) -> None:
        """Let the next change be one of its own for ``undo``: the slider was released."""
        self._step = None

    def setting(self, control: Control, face: int) -> Any:
        """What the shot says: a ``Keyed``, a number, a word, or None if it says nothing."""
        found: Any = self.shot.faces[face] if control.of_face else self.shot
        for key in control.path:
            found = getattr(found, key, None)
        return found

    def value(self, control: Control, face: int, frame: int) -> Any:
        """The value on a frame: a number, a word, or None for a number without a default.

        A part of a region that is left out has the value of the face; any other amount that is left out is 1.
        """
        found = self.setting(control, face)
        if found is None and control.path[0] == "regions" and control.path[-1] != "intensity":
            found = self.setting(replace(control, path=control.path[2:]), face)
        if found is None and control.number and not control.whole:
            return min(max(1.0, control.low), control.high)
        return found.at(frame) if isinstance(found, Keyed) else found

    def keyframes(self, control: Control, face: int) -> dict[int, float]:
        """Frame to value; empty for a constant."""
        written = self._written(control, face)
        if isinstance(written, Mapping):
            return {int(frame): float(value) for frame, value in sorted(written.items(), key=lambda key: int(key[0]))}
        found = self.setting(control, face)
        return dict(found.keys) if isinstance(found, Keyed) and len(found.keys) > 1 else {}

    def is_written(self, control: Control, face: int) -> bool:
        """Whether the shot file itself says it, for this face, so that it can be reset."""
        return self._written(control, face) is not None

    def change(self, control: Control, face: int, frame: int, value: Any) -> None:
        """Set a value. If it has keyframes, that sets one on this frame."""
        keys = self.keyframes(control, face)
        self._assign(control, face, {**keys, frame: value} if keys else value)

    def set_key(self, control: Control, face: int, frame: int) -> None:
        """Set a keyframe with the value that this frame has."""
        self._assign(control, face, {**self.keyframes(control, face), frame: self.value(control, face, frame)})

    def delete_key(self, control: Control, face: int, frame: int) -> None:
        """Delete the keyframe of this frame. The last one leaves a constant."""
        keys = self.keyframes(control, face)
        value = keys.pop(frame, None)
        if value is not None:
            self._assign(control, face, keys or value)

    def reset(self, control: Control, face: int) -> None:
        """Remove a value from the file, so that its default holds."""
        data = deepcopy(self.data)
        place = self._place(control, face, data)
        for end in range(len(place), len(place) - len(control.path), -1):
            section: Any = data
            for key in place[: end - 1]:
                section = section[key]
            del section[place[end - 1]]
            if section:
                break  # a section that is empty now goes as well
        self._take(data, ("reset", place))

    def set_model(self, model: str) -> None:
        """Choose the model, as ``Shot.model`` has it."""
        data = deepcopy(self.data)
        written = self.file.document.data.get("model")
        if model == self._checked(self.file.document.data).model:  # as it is written there: a path may be relative
            data.pop("model", None)
            data.update({"model": written} if written is not None else {})
        else:
            data["model"] = model
        self._take(data, ("model",))
        self.end_step()

    def add_face(self, select: Mapping[str, Any]) -> int:
        """Add a face with the ages that the first one has in the file, and give its index."""
        data = deepcopy(self.data)
        faces = self._faces(data)
        names = {face.name for face in self.shot.faces}
        name = next(f"face{number}" for number in range(len(names) + 1) if f"face{number}" not in names)
        ages = {key: deepcopy(faces[0][key]) for key in ("source_age", "target_age") if key in faces[0]}
        data["faces"] = [*faces, {"name": name, "select": dict(select), **ages}]
        self._take(data, ("add", name))
        return len(faces)

    def name_faces(self, selects: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace the only entry, which is for every face, by one entry for each face: its name, and what selects it.

        Each entry has the settings of the one before.
        """
        data = deepcopy(self.data)
        settings = {key: value for key, value in self._faces(data)[0].items() if key not in ("name", "select")}
        data["faces"] = [
            {"name": name, "select": dict(select), **deepcopy(settings)} for name, select in selects.items()
        ]
        self._take(data, ("name",))

    def _faces(self, data: dict[str, Any]) -> list[Any]:
        """The faces as the file, or the file that it includes, lists them; every face if there is no list."""
        merged = with_included(self.file.path, Document(data, self.file.document.lines)).data.get("faces")
        return deepcopy(merged) if merged else [{"select": "all"}]

    def _place(self, control: Control, face: int, data: dict[str, Any]) -> Place:
        """Where the file has the value. Puts a list of faces into ``data`` if it has to."""
        if not control.of_face:
            return control.path
        if not data.get("faces"):
            merged = with_included(self.file.path, Document(data, self.file.document.lines)).data.get("faces")
            if not merged and control.path[0] in FACE_DEFAULTS:
                return control.path
            data["faces"] = deepcopy(merged) if merged else [{"select": "all"}]
        return ("faces", face, *control.path)

    def _written(self, control: Control, face: int) -> Any:
        found: Any = self.data
        for key in self._place(control, face, dict(self.data)):
            inside = isinstance(found, list) and isinstance(key, int) and key < len(found)
            found = found[key] if inside or (isinstance(found, dict) and key in found) else None
        return found

    def _assign(self, control: Control, face: int, value: Any) -> None:
        data = deepcopy(self.data)
        place = self._place(control, face, data)
        found: Any = data
        for key in place[:-1]:
            if isinstance(found, dict) and found.get(key) is None:
                found[key] = {}
            found = found[key]
        keys = sorted(value) if isinstance(value, dict) else ()
        found[place[-1]] = {frame: _number(value[frame]) for frame in keys} if keys else _number(value)
        self._take(data, place)

    def _take(self, data: dict[str, Any], step: object) -> None:
        """Make ``data`` the shot's if it is a valid one."""
        self.shot = self._checked(data)
        if step != self._step:
            self._undo.append(self.data)
        self.data, self._step = data, step

    def _checked(self, data: dict[str, Any]) -> Shot:
        return check_shot(self.file.path, Document(deepcopy(data), self.file.document.lines))


def _number(value: Any) -> Any:
    """A number as a person would write it: rounded, and whole without a decimal point."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    rounded = round(float(value), _DIGITS)
    return int(rounded) if rounded.is_integer() else rounded
