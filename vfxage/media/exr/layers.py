"""Which part and which channels of an OpenEXR file are the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vfxage.errors import ReadError
from vfxage.media.base import PictureChoice
from vfxage.media.exr.header import Channel, ExrFile, ExrLayout, Part

_ROLES = {"r": "R", "red": "R", "g": "G", "green": "G", "b": "B", "blue": "B", "a": "A", "alpha": "A"}
_MAIN = {"rgba", "rgb", "beauty", "main", "colour", "color", "combined", "master", "plate"}
"""Names of layers that say they are the picture."""


class NoSuchPictureError(ReadError):
    """One file lacks the chosen picture, or has several where none is chosen; ``key`` of the shot chooses it."""

    def __init__(self, error: ReadError, key: str) -> None:
        super().__init__(error.what, path=error.path, frame=error.frame, fix=error.fix)
        self.key = key


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
    def channels(self) -> tuple[Channel, ...]:
        """Colour, then alpha."""
        return (*self.colour, *((self.alpha,) if self.alpha else ()))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all channels."""
        return tuple(channel.name for channel in self.channels)


def find_picture(layout: ExrLayout, source: ExrFile) -> tuple[Part, Picture]:
    """The first part with plain colour, else the first with colour in a layer.

    Raises ReadError for deep data and for a file without colour, NoSuchPictureError where several layers could be the
    picture.
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


def find_chosen(layout: ExrLayout, source: ExrFile, choice: PictureChoice) -> tuple[Part, Picture]:
    """The picture that the user chooses. If it is not there, NoSuchPictureError lists the parts or the layers."""
    flat = [part for part in layout.parts if not part.deep]
    parts = [part for part in flat if _is_chosen(part, choice)]
    if not parts:
        names = ", ".join(f"{part.name or part.index}{_view_words(part)}" for part in flat)
        key, value = ("part", choice.part) if choice.part is not None else ("view", choice.view)
        only = f"leave `{key}:` out: the file has one picture without a name"
        several = f"choose one of its parts: {names or 'none that is flat'}"
        raise NoSuchPictureError(source.error(f"has no {key} {value}", only if names == "0" else several), key)
    for part in parts:
        if (picture := _chosen_layer(part, choice, source)) is not None:
            return part, _checked(picture, source)
    layers = sorted(
        {layer for part in parts for layer, found in _grouped(part).items() if _colour("", found) and layer}
    )
    what = f"layer {choice.layer}" if choice.layer else "colour"
    fix = f"choose another `layer:` ({', '.join(layers[:12])})" if layers else "leave `layer:` out: there are no layers"
    raise NoSuchPictureError(source.error(f"has no {what} in {_choice_words(choice)}", fix), _deepest(choice))


def _is_chosen(part: Part, choice: PictureChoice) -> bool:
    if choice.part is not None and choice.part not in (part.name, part.index):
        return False
    return choice.view is None or choice.view in (_view(part), *_views_in_channels(part))


def _chosen_layer(part: Part, choice: PictureChoice, source: ExrFile) -> Picture | None:
    """The colour of the chosen layer of a part. A view of a single part is a component of the layers' names."""
    groups, layer, view = _grouped(part), choice.layer or "", choice.view
    if view is None or view == _view(part) or view == _views_in_channels(part)[0]:
        if not layer:
            return _plain(part) or _layered(part, source)
        return _colour(layer, groups.get(layer, {}))
    names = (f"{layer}.{view}", f"{view}.{layer}") if layer else (view,)
    return next((found for name in names if (found := _colour(name, groups.get(name, {}))) is not None), None)


def _view(part: Part) -> str | None:
    """The view that a part is, if its header says so."""
    field = part.fields.get("view")
    return field.text if field else None


def _views_in_channels(part: Part) -> tuple[str, ...]:
    """The views that the channels of one part have (the attribute multiView); the first one has plain names."""
    field, views = part.fields.get("multiView"), []
    raw = field.raw if field else b""
    while len(raw) >= 4:
        end = 4 + max(0, int.from_bytes(raw[:4], "little", signed=True))
        views.append(raw[4:end].decode(errors="replace"))
        raw = raw[end:]
    return tuple(views)


def _view_words(part: Part) -> str:
    views = [view for view in (_view(part), *_views_in_channels(part)) if view]
    return f" (view {' and '.join(views)})" if views else ""


def _choice_words(choice: PictureChoice) -> str:
    said = (("part", choice.part), ("view", choice.view))
    return " and ".join(f"{key} {value}" for key, value in said if value is not None) or "the file"


def _deepest(choice: PictureChoice) -> str:
    """The most precise key of the choice: a layer is in a view, and a view in a part."""
    return "layer" if choice.layer is not None else "view" if choice.view is not None else "part"


def _single(channel: Channel) -> Picture:
    return Picture(kind="luminance", layer="", colour=(channel,), alpha=None)


def _grouped(part: Part) -> dict[str, dict[str, Channel]]:
    """Channels by layer, then by role (R, G, B, A). The exact name wins over other spellings."""
    layers: dict[str, dict[str, Channel]] = {}
    for channel in sorted(part.channels, key=lambda c: c.name):
        layer, _, name = channel.name.rpartition(".")
        layers.setdefault(layer, {}).setdefault(_ROLES.get(name.casefold(), name), channel)
    return layers


def _rgb(layer: str, found: dict[str, Channel]) -> Picture | None:
    if not {"R", "G", "B"} <= found.keys():
        return None
    return Picture(kind="rgb", layer=layer, colour=(found["R"], found["G"], found["B"]), alpha=found.get("A"))


def _plain(part: Part) -> Picture | None:
    return _colour("", _grouped(part).get("", {}))


def _colour(layer: str, found: dict[str, Channel]) -> Picture | None:
    if (picture := _rgb(layer, found)) is not None:
        return picture
    if {"Y", "RY", "BY"} <= found.keys():
        colour = (found["Y"], found["RY"], found["BY"])
        return Picture(kind="luminance-chroma", layer=layer, colour=colour, alpha=found.get("A"))
    if "Y" in found:
        return Picture(kind="luminance", layer=layer, colour=(found["Y"],), alpha=found.get("A"))
    return None


def _layered(part: Part, source: ExrFile) -> Picture | None:
    pictures = [p for layer, found in _grouped(part).items() if (p := _rgb(layer, found)) is not None]
    main = [p for p in pictures if p.layer.rpartition(".")[2].casefold() in _MAIN]
    choices = main or pictures
    if len(choices) > 1:
        names = ", ".join(p.layer for p in choices)
        error = source.error(f"several layers could be the picture ({names})", "write the one to use as `layer:`")
        raise NoSuchPictureError(error, "layer")
    return choices[0] if choices else None


def _checked(picture: Picture, source: ExrFile) -> Picture:
    for channel in picture.channels:
        if channel.samples == "uint":
            raise source.error(f"channel {channel.name} holds integers", "write it as half or float")
        sampling = (2, 2) if channel in picture.colour[1:] and picture.kind == "luminance-chroma" else (1, 1)
        if (channel.x_sampling, channel.y_sampling) != sampling:
            raise source.error(
                f"channel {channel.name} is subsampled {channel.x_sampling}x{channel.y_sampling}",
                "write the picture as R, G, B at full resolution",
            )
    return picture
