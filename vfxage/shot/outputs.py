"""The files that a shot's render writes: paths, passes, codecs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from vfxage.shot.part import FilePath, Part

Pass = Literal["beauty", "delta", "matte"]
Codec = Literal["prores_proxy", "prores_lt", "prores_422", "prores_hq", "prores_4444", "h264"]

MOVIES: dict[str, tuple[Codec, ...]] = {
    ".mov": ("prores_proxy", "prores_lt", "prores_422", "prores_hq", "prores_4444", "h264"),
    ".mkv": ("prores_proxy", "prores_lt", "prores_422", "prores_hq", "prores_4444", "h264"),
    ".mp4": ("h264",),
}
"""Suffixes of movies that can be written, and the codecs each can hold."""

ALPHA_CODEC: Codec = "prores_4444"
"""The one in which a matte can ride."""

_PASSES: tuple[Pass, ...] = ("beauty", "delta", "matte")


class Output(Part):
    """Files that a render writes."""

    path: FilePath
    """A sequence (####, %04d, @@@@ or $F4, .exr) or a movie (.mov, .mp4, .mkv); relative to the shot file."""
    passes: Annotated[tuple[Pass, ...], Field(min_length=1, json_schema_extra={"uniqueItems": True})] = _PASSES
    """beauty, delta, matte; default: all three in a sequence, the beauty in a movie.

    A movie takes one of beauty and delta, and matte beside it as alpha (prores_4444).
    """
    codec: Codec | None = None
    """Movies only. Default: prores_hq, or prores_4444 with a matte; h264 for .mp4."""

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: Any) -> Any:
        """Put the passes in order and choose a movie's passes and codec where they are not named."""
        if not isinstance(data, dict):
            return data
        data = dict(data)
        suffix = Path(data["path"]).suffix.lower() if isinstance(data.get("path"), str) else ""
        if data.get("passes") is None:
            data["passes"] = _PASSES[:1] if suffix in MOVIES else _PASSES
        passes = data["passes"]
        if isinstance(passes, tuple) and all(p in _PASSES for p in passes):
            data["passes"] = passes = tuple(sorted(passes, key=_PASSES.index))
        if suffix in MOVIES and data.get("codec") is None:
            alpha = isinstance(passes, tuple) and len(passes) > 1
            data["codec"] = "h264" if suffix == ".mp4" else ALPHA_CODEC if alpha else "prores_hq"
        return data
