"""The networks vfxage knows, one row each; importing this does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from vfxage.types import Framing

if TYPE_CHECKING:
    from torch import nn

Encoding = Literal["0..1", "-1..1"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A network and its input (framing, sizes, encoding, ages). A vfxage checkpoint's header may override it."""

    name: str
    network: str
    """Module below ``vfxage.ager`` and class in it, "unet:Visage": (N, 5, S, S) -> delta (N, 3, S, S). The keys of its
    state recognise a checkpoint."""
    framing: Framing
    sizes: tuple[int, ...]
    """Crop sizes it may be given, ascending, pixels."""
    native: int
    """The crop size it was trained for, pixels."""
    encoding: Encoding
    """Scale of its RGB input and of the delta it answers: sRGB 0..1, or the same stretched to -1..1."""
    ages: tuple[float, float] = (0.0, 120.0)
    """Range of ages it was trained for, years; ages outside are clamped."""
    multiple: int = 16
    """Sides of the pictures it takes are multiples of this, pixels."""
    licence: str
    """Licence of the published weights, shown by ``models show`` and in notes."""

    def build(self) -> nn.Module:
        """Make the network with weights not yet loaded (imports torch)."""
        module, _, kind = self.network.partition(":")
        return getattr(import_module(f"vfxage.ager.{module}"), kind)()  # type: ignore[no-any-return]


ARCHITECTURES: dict[str, Architecture] = {
    "small": Architecture(
        name="small",
        network="small:Small",
        framing=Framing(name="ffhq"),
        sizes=(256, 512, 768, 1024),
        native=512,
        encoding="0..1",
        licence="Apache-2.0 (vfxage)",
    ),
    "face_reaging": Architecture(
        name="face_reaging",
        network="unet:FaceReaging",
        framing=Framing(name="wide"),
        sizes=(256, 512, 768, 1024),
        native=1024,
        encoding="0..1",
        licence="MIT (timroelofs123/face_reaging)",
    ),
    "visage": Architecture(
        name="visage",
        network="unet:Visage",
        framing=Framing(name="ffhq"),
        sizes=(512,),
        native=512,
        encoding="-1..1",
        licence="not stated (cassianlewis/VISAGE); ask before commercial work",
    ),
    "ry_lu": Architecture(
        name="ry_lu",
        network="unet:RyLuFran",
        framing=Framing(name="ffhq"),
        sizes=(256, 512, 768, 1024),
        native=1024,
        encoding="-1..1",
        licence="not stated (ry-lu); ask before commercial work",
    ),
}
