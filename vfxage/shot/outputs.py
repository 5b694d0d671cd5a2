"""The outputs of a shot: paths, passes, codecs, colour spaces and bit depths."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from vfxage.shot.part import FaceName, Part
from vfxage.shot.paths import WrittenPath
from vfxage.types import Pass

Codec = Literal[
    "prores_proxy", "prores_lt", "prores_422", "prores_hq", "prores_4444", "dnxhr_hq", "dnxhr_hqx", "h264", "hevc"
]
Depth = Literal[8, 10, 12, 16, "float"]
Compression = Literal["none", "zips", "zip", "piz", "dwaa", "dwab"]

LOSSY: tuple[Compression, ...] = ("dwaa", "dwab")
"""Compressions that round pixels: plate plus delta is only near the beauty then."""

_PRORES: tuple[Codec, ...] = ("prores_proxy", "prores_lt", "prores_422", "prores_hq", "prores_4444")

MOVIES: dict[str, tuple[Codec, ...]] = {
    ".mov": (*_PRORES, "dnxhr_hq", "dnxhr_hqx", "h264", "hevc"),
    ".mkv": (*_PRORES, "h264", "hevc"),
    ".mp4": ("h264", "hevc"),
}
"""The suffix of each movie format, and the codecs that it can hold."""

STILLS: dict[str, tuple[Depth, ...]] = {
    ".dpx": (8, 10, 12, 16),
    ".tif": (8, 16, "float"),
    ".tiff": (8, 16, "float"),
    ".png": (8, 16),
    ".jpg": (8,),
    ".jpeg": (8,),
}
"""The suffix of each still format, and the bit depths that it can hold."""

ALPHA_CODEC: Codec = "prores_4444"
"""The codec that can hold the matte as alpha."""

_PASSES: tuple[Pass, ...] = ("beauty", "delta", "matte", "regions", "plate", "delta_raw", "matte_hair", "uv", "crop")
_USUAL = _PASSES[:3]
"""The passes of an OpenEXR output that names none."""


class Output(Part):
    """One sequence or movie that a render writes."""

    path: WrittenPath
    """A sequence (####, %04d, @@@@ or $F4; .exr, .dpx, .tif, .png, .jpg) or a movie; relative to the shot file."""
    passes: Annotated[tuple[Pass, ...], Field(min_length=1, json_schema_extra={"uniqueItems": True})] = _USUAL
    """beauty, delta, matte; default: all three for OpenEXR, beauty for other formats.

    OpenEXR can also hold regions (a matte for each region of the face), plate, delta_raw (the delta before the matte),
    matte_hair (the hair of the head) and uv (an ST map of the face's crop). The pass crop (the stabilised face, its
    delta and its matte) needs an output of its own.

    A movie or a still holds either beauty or delta. It can also hold the matte as alpha (prores_4444, or any still
    except JPEG). Of the stills, only float TIFF holds the delta.
    """
    codec: Codec | None = None
    """Movies only. A .mov takes all, a .mkv no DNxHR, a .mp4 h264 and hevc.

    Default: prores_hq, or prores_4444 with a matte; h264 for .mp4.
    """
    colorspace: Annotated[str, Field(min_length=1)] | None = None
    """OpenColorIO name of the output's colour space; default: the colour space of the plate, sRGB for PNG and JPEG."""
    depth: Depth | None = None
    """Stills only: 8, 10, 12, 16 bits or float. Default: the depth of a plate of the same format.

    For other plates: DPX 10, TIFF and PNG 16, JPEG 8; float for the delta in TIFF.
    """

    compression: Compression | None = None
    """OpenEXR only: none, zips (each line alone), zip (16 lines) or piz (wavelet), all without loss. Default: zips.

    dwaa (32 lines) and dwab (256 lines) make the smallest files, with loss: plate plus delta is only near the beauty.
    """

    pass_through: bool = False
    """OpenEXR plate and output only: carry the plate's other channels, such as depth and Cryptomatte, bit for bit."""

    face: FaceName | None = None
    """The face that uv and crop show, if the shot names several; default: the first."""

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: Any) -> Any:
        """Put the passes in order; choose passes, codec and depth if they are not named."""
        if not isinstance(data, dict):
            return data
        data = dict(data)
        suffix = Path(data["path"]).suffix.lower() if isinstance(data.get("path"), str) else ""
        if data.get("passes") is None:
            data["passes"] = _USUAL[:1] if suffix in (*MOVIES, *STILLS) else _USUAL
        passes = data["passes"] if isinstance(data["passes"], tuple) else ()
        if passes and all(name in _PASSES for name in passes):
            data["passes"] = tuple(sorted(passes, key=_PASSES.index))
        if suffix == ".exr" and data.get("compression") is None:
            data["compression"] = "zips"
        if suffix in MOVIES and data.get("codec") is None:
            data["codec"] = _usual_codec(suffix, len(passes))
        if suffix in (".tif", ".tiff") and "delta" in passes and data.get("depth") is None:
            data["depth"] = "float"
        return data


def _usual_codec(suffix: str, count: int) -> Codec:
    """The codec of a movie that names none and holds so many passes: a second pass is the matte."""
    if suffix == ".mp4":
        return "h264"
    return ALPHA_CODEC if count > 1 else "prores_hq"
