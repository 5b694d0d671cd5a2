"""The settings of a picture, which are those of a shot of one frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from vfxage.errors import ShotError
from vfxage.shot import Shot
from vfxage.shot.document import Document
from vfxage.shot.load import check_shot

_BY_OPTION: Mapping[str, str] = {
    "plate": "name the picture as an argument",
    "frames": "a picture is one frame",
    "handles": "a picture is one frame",
    "temporal": "a picture is one frame",
    "outputs": "use --out and --format",
    "tracks": "the faces of pictures are not kept",
    "faces": "use --faces",
    "source_age": "use --source-age",
    "target_age": "use --target-age",
    "model": "use --model",
    "colorspace": "use --colorspace",
    "include": "write the values as --set",
}
"""Keys of a shot that ``--set`` cannot give a picture, and what to do instead."""


def picture_shot(model: str, faces: Literal["largest", "all"], settings: Sequence[str], colorspace: str | None) -> Shot:
    """The shot that all pictures of a run share, except for plate and ages; ``settings`` are texts of ``--set``.

    Raises ShotError for a setting that a shot does not have, or that an option of the command gives.
    """
    for text in settings:
        key = text.partition("=")[0].partition(".")[0].strip()
        if key in _BY_OPTION:
            raise ShotError(f"--set {text}: a picture has no `{key}` of its own", fix=_BY_OPTION[key])
    data = {
        "plate": "picture.png",
        "model": model,
        "colorspace": colorspace,
        "faces": [{"select": faces, "source_age": 0, "target_age": 0}],
        "temporal": {"radius": 0},
    }
    given = {key: value for key, value in data.items() if value is not None}
    try:
        return check_shot(Path.cwd() / "picture.yaml", Document(given, {}), settings)
    except ShotError as error:
        raise ShotError(error.what, fix=error.fix) from error
