"""Which part and which channels of an OpenEXR file are the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vfxage.media.exr.header import Channel, ExrFile, ExrLayout, Part

_COLOUR = {"r": "R", "red": "R", "g": "G", "green": "G", "b": "B", "blue": "B", "a": "A", "alpha": "A"}
_MAIN = {"rgba", "rgb", "beauty", "main", "colour", "color", "combined", "master", "plate"}
"""Names of layers that say they are the picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The channels that make the picture."""

    kind: Literal["rgb", "luminance", "luminance-chroma"]
    layer: str
    """Their common name before the dot; empty for plain R, G, B."""
    colour: tuple[Channel, ...]
    """R G B, or Y, or Y RY BY."""
    alpha: Channel | None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all channels."""
        return tuple(c.name for c in (*self.colour, *((self.alpha,) if self.alpha else ())))


def find_picture(layout: ExrLayout, source: ExrFile) -> tuple[Part, Picture]:
    """The first part with plain colour, else the first with colour in a layer.

    Raises ReadError for deep data, for a file without colour, and where several layers could be the picture.
    """
    flat = [part for part in layout.parts if not part.deep]
    if not flat:
        raise source.error("deep data cannot be re-aged", "flatten it (DeepToImage) and use that as the plate")
    for part in flat:
        if (picture := _plain(part)) is not None:
            return part, _checked(picture, source)
    for part in flat:
        if (picture := _layered(part, source)) is not None:
            return part, _checked(picture, source)
    names = sorted({c.name for part in flat for c in part.channels})
    raise source.error(f"no colour among its channels ({', '.join(names[:12])})", "use a plate with R, G and B")


def find_matte(layout: ExrLayout, source: ExrFile) -> tuple[Part, Picture]:
    """The channel that is a matte: A, else the picture, else the only layer's A, else the only channel.

    Raises ReadError for deep data, and where several channels could be the matte.
    """
    flat = [part for part in layout.parts if not part.deep]
    for part in flat:
        plain = _grouped(part).get("", {})
        if "A" in plain:
            return part, _checked(_single(plain["A"]), source)
        if (picture := _plain(part)) is not None:
            return part, _checked(picture, source)
    alphas = [(part, found["A"]) for part in flat for found in _grouped(part).values() if "A" in found]
    alone = alphas or [(part, channel) for part in flat for channel in part.channels]
    if len(alone) == 1:
        return alone[0][0], _checked(_single(alone[0][1]), source)
    names = ", ".join(channel.name for _, channel in alone[:12])
    what = f"several channels could be the matte ({names})" if alone else "no channel that could be a matte"
    raise source.error(what, "write the one to use as A")


def _single(channel: Channel) -> Picture:
    return Picture(kind="luminance", layer="", colour=(channel,), alpha=None)


def _grouped(part: Part) -> dict[str, dict[str, Channel]]:
    """Channels by layer, then by role (R, G, B, A). The exact name wins over other spellings."""
    layers: dict[str, dict[str, Channel]] = {}
    for channel in sorted(part.channels, key=lambda c: c.name):
        layer, _, name = channel.name.rpartition(".")
        layers.setdefault(layer, {}).setdefault(_COLOUR.get(name.casefold(), name), channel)
    return layers


def _rgb(layer: str, found: dict[str, Channel]) -> Picture | None:
    if not {"R", "G", "B"} <= found.keys():
        return None
    return Picture(kind="rgb", layer=layer, colour=(found["R"], found["G"], found["B"]), alpha=found.get("A"))


def _plain(part: Part) -> Picture | None:
    found = _grouped(part).get("", {})
    if (picture := _rgb("", found)) is not None:
        return picture
    if {"Y", "RY", "BY"} <= found.keys():
        colour = (found["Y"], found["RY"], found["BY"])
        return Picture(kind="luminance-chroma", layer="", colour=colour, alpha=found.get("A"))
    if "Y" in found:
        return Picture(kind="luminance", layer="", colour=(found["Y"],), alpha=found.get("A"))
    return None


def _layered(part: Part, source: ExrFile) -> Picture | None:
    pictures = [p for layer, found in _grouped(part).items() if (p := _rgb(layer, found)) is not None]
    main = [p for p in pictures if p.layer.rpartition(".")[2].casefold() in _MAIN]
    choices = main or pictures
    if len(choices) > 1:
        names = ", ".join(p.layer for p in choices)
        raise source.error(f"several layers could be the picture ({names})", "write the one to use as R, G, B")
    return choices[0] if choices else None


def _checked(picture: Picture, source: ExrFile) -> Picture:
    for channel in (*picture.colour, *((picture.alpha,) if picture.alpha else ())):
        if channel.samples == "uint":
            raise source.error(f"channel {channel.name} holds integers", "write it as half or float")
        sampling = (2, 2) if channel in picture.colour[1:] and picture.kind == "luminance-chroma" else (1, 1)
        if (channel.x_sampling, channel.y_sampling) != sampling:
            raise source.error(
                f"channel {channel.name} is subsampled {channel.x_sampling}x{channel.y_sampling}",
                "write the picture as R, G, B at full resolution",
            )
    return picture
