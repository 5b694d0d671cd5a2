"""Chooses the colour space of an output: from the shot file, else the usual one of the format."""

from __future__ import annotations

from pathlib import Path

from vfxage.colour.cicp import DISPLAY_709, SRGB
from vfxage.colour.space import Colour
from vfxage.errors import ShotError
from vfxage.media import FORMATS
from vfxage.shot import Output
from vfxage.shot.outputs import STILLS


def output_space(output: Output, plate: Colour, *, like: str, ocio: str | None) -> str:
    """OpenColorIO name of an output's code values.

    This is the output's ``colorspace:``, else the plate's (OpenEXR is written in its linear space). Integer stills of a
    linear plate, and all PNG and JPEG, are ``SRGB``. A DPX output of a DPX plate keeps the plate's; ``like`` is the
    plate's path. DPX and movies of a plate in the space of its ICC profile are ``SRGB``.
    Raises ShotError for a space that is unknown or that the format cannot store.
    """
    suffix, depth = Path(output.path).suffix.lower(), output.depth
    if output.colorspace is not None:
        own = output.colorspace == plate.name
        return _checked(suffix, plate if own else Colour(output.colorspace, ocio), depth)
    if not plate.in_config and (suffix == ".dpx" or FORMATS[suffix].kind == "movie"):
        return SRGB  # neither can hold the ICC profile that says what the plate's codes mean
    if suffix == ".exr" or (suffix in (".tif", ".tiff") and depth == "float"):
        return plate.name
    if FORMATS[suffix].kind == "movie":
        return plate.name
    if FORMATS[suffix] is FORMATS[".dpx"] and _same_format(suffix, Path(like).suffix.lower()):
        return plate.name
    return SRGB if plate.linear or suffix in (".png", ".jpg", ".jpeg") else plate.name


def _same_format(one: str, other: str) -> bool:
    short = {".tiff": ".tif", ".jpeg": ".jpg"}
    return short.get(one, one) == short.get(other, other)


def _checked(suffix: str, space: Colour, depth: int | str | None) -> str:
    if suffix == ".exr" and not space.linear:
        fix = f'name "{space.linear_name or "ACEScg"}", or write a DPX or TIFF'
        raise ShotError(f'an OpenEXR output is scene-linear, which "{space.name}" is not', fix=fix)
    if FORMATS[suffix].kind == "movie" and space.linear:
        raise ShotError(f'a movie cannot hold linear light such as "{space.name}"', fix=f'name "{DISPLAY_709}"')
    if suffix in STILLS and space.linear and depth not in (16, "float"):
        most = max(held for held in STILLS[suffix] if held != "float")
        fix = f'name "{SRGB}"' + (", or set `depth: 16`" if most == 16 else "")
        raise ShotError(f'fewer than 16 bits cannot hold linear light such as "{space.name}"', fix=fix)
    return space.name
