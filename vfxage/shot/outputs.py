"""The files that a shot's render writes: paths, passes, codecs, colour spaces and depths."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from vfxage.shot.part import FaceName, FilePath, Part
from vfxage.types import Pass

Codec = Literal["prores_proxy", "prores_lt", "prores_422", "prores_hq", "prores_4444", "h264"]
Depth = Literal[8, 10, 12, 16, "float"]

MOVIES: dict[str, tuple[Codec, ...]] = {
    ".mov": ("prores_proxy", "prores_lt", "prores_422", "prores_hq", "prores_4444", "h264"),
    ".mkv": ("prores_proxy", "prores_lt", "prores_422", "prores_hq", "prores_4444", "h264"),
    ".mp4": ("h264",),
}
"""Suffixes of movies that can be written, and the codecs each can hold."""

STILLS: dict[str, tuple[Depth, ...]] = {
    ".dpx": (8, 10, 12, 16),
    ".tif": (8, 16, "float"),
    ".tiff": (8, 16, "float"),
    ".png": (8, 16),
    ".jpg": (8,),
    ".jpeg": (8,),
}
"""Suffixes of stills that can be written, and the depths each can hold."""

ALPHA_CODEC: Codec = "prores_4444"
"""The one in which a matte can ride."""

_PASSES: tuple[Pass, ...] = ("beauty", "delta", "matte", "plate", "delta_raw", "uv", "crop")
_USUAL = _PASSES[:3]


class Output(Part):
    """Files that a render writes."""

    path: FilePath
    """A sequence (####, %04d, @@@@ or $F4; .exr, .dpx, .tif, .png, .jpg) or a movie; relative to the shot file."""
    passes: Annotated[tuple[Pass, ...], Field(min_length=1, json_schema_extra={"uniqueItems": True})] = _USUAL
    """beauty, delta, matte; default: all three in OpenEXR, the beauty in others.

    OpenEXR also takes plate, delta_raw (before the matte) and uv (ST map of the face's crop); crop (the stabilised
    face, its delta and matte) is a sequence of its own.

    A movie or still takes one of beauty and delta, and matte beside it as alpha (prores_4444, or any still but JPEG);
    delta in stills: float TIFF only.
    """
    codec: Codec | None = None
    """Movies only. Default: prores_hq, or prores_4444 with a matte; h264 for .mp4."""
    colorspace: Annotated[str, Field(min_length=1)] | None = None
    """OpenColorIO name of the colour space it is written in; default: the plate's own, sRGB for PNG and JPEG."""
    depth: Depth | None = None
    """Stills only: 8, 10, 12, 16 bits or float. Default: the plate's, where it is of the same format.

    Else DPX 10, TIFF and PNG 16, JPEG 8; float for the delta in TIFF.
    """

    face: FaceName | None = None
    """The face that uv and crop are of, where the shot names several; default: the first."""

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: Any) -> Any:
        """Put the passes in order; choose passes, codec and depth where they are not named."""
        if not isinstance(data, dict):
            return data
        data = dict(data)
        suffix = Path(data["path"]).suffix.lower() if isinstance(data.get("path"), str) else ""
        if data.get("passes") is None:
            data["passes"] = _USUAL if suffix not in MOVIES and suffix not in STILLS else _USUAL[:1]
        passes = data["passes"]
        if isinstance(passes, tuple) and all(p in _PASSES for p in passes):
            data["passes"] = passes = tuple(sorted(passes, key=_PASSES.index))
        if suffix in MOVIES and data.get("codec") is None:
            alpha = isinstance(passes, tuple) and len(passes) > 1
            data["codec"] = "h264" if suffix == ".mp4" else ALPHA_CODEC if alpha else "prores_hq"
        if (
            suffix in (".tif", ".tiff")
            and data.get("depth") is None
            and isinstance(passes, tuple)
            and "delta" in passes
        ):
            data["depth"] = "float"
        return data
