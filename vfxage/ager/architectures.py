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
    """Module below ``vfxage.ager`` and class in it, "unet:Visage". The keys of its state recognise a checkpoint."""
    answers: Literal["delta", "picture"] = "delta"
    """Delta: (N, 5, S, S) -> (N, 3, S, S). Picture: a ``picture.PictureNetwork``, which answers whole pictures."""
    older_only: bool = False
    """Whether it makes faces older only, and so cannot be asked for the source age."""
    groups: tuple[str, ...] = ()
    """Age groups it was trained for, years; empty for one that sees ages as numbers, or none."""
    framing: Framing
    sizes: tuple[int, ...]
    """Crop sizes it may be given, ascending, pixels."""
    native: int
    """The crop size it was trained for, pixels."""
    levelled: bool = False
    """Whether it sees every crop at ``native`` pixels and with one colour of skin (``skin_level.py``)."""
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


_AGETRANSGAN = "all rights reserved: none granted (AvLab-CV/AgeTransGAN); learnt on FFHQ-Aging (CC BY-NC-SA)"
_SAURAVSJK = ("0-5", "6-10", "11-15", "16-20", "21-25", "26-30", *(f"{k}1-{k + 1}0" for k in range(3, 10)))

ARCHITECTURES: dict[str, Architecture] = {
    "small": Architecture(
        name="small",
        network="small:Small",
        framing=Framing(name="ffhq"),
        sizes=(256, 512, 768, 1024),
        native=512,
        levelled=True,
        encoding="0..1",
        licence="Apache-2.0 (vfxage)",
    ),
    "medium": Architecture(
        name="medium",
        network="small:Medium",
        framing=Framing(name="ffhq"),
        sizes=(256, 512, 768, 1024),
        native=512,
        levelled=True,
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
    "sam": Architecture(
        name="sam",
        network="sam:Sam",
        answers="picture",
        framing=Framing(name="ffhq"),
        sizes=(256, 512, 1024),
        native=1024,
        encoding="-1..1",
        ages=(0.0, 100.0),
        licence="non-commercial: holds NVIDIA's StyleGAN2, learnt on FFHQ (CC BY-NC-SA); code MIT (yuval-alaluf/SAM)",
    ),
    "agetransgan_10": Architecture(
        name="agetransgan_10",
        network="agetransgan:TenGroups",
        answers="picture",
        groups=("0-2", "3-6", "7-9", "10-14", "15-19", "20-29", "30-39", "40-49", "50-69", "70+"),
        framing=Framing(name="arcface"),
        sizes=(1024,),
        native=1024,
        encoding="-1..1",
        licence=_AGETRANSGAN,
    ),
    "agetransgan_4": Architecture(
        name="agetransgan_4",
        network="agetransgan:FourGroups",
        answers="picture",
        groups=("15-29", "30-39", "40-49", "50+"),
        framing=Framing(name="arcface"),
        sizes=(1024,),
        native=1024,
        encoding="-1..1",
        licence=_AGETRANSGAN,
    ),
    "fast_aginggan": Architecture(
        name="fast_aginggan",
        network="fast_aginggan:FastAgingGan",
        answers="picture",
        older_only=True,
        framing=Framing(name="ffhq"),
        sizes=(512,),
        native=512,
        multiple=4,
        encoding="-1..1",
        licence="MIT (HasnainRaz/Fast-AgingGAN); learnt on faces that are for research only (CACD or UTKFace)",
    ),
    "sauravsjk": Architecture(
        name="sauravsjk",
        network="sauravsjk:SauravSjk",
        answers="picture",
        groups=(*_SAURAVSJK, "101+"),
        framing=Framing(name="chip"),
        sizes=(200,),
        native=200,
        multiple=200,
        encoding="0..1",
        licence="not stated (SauravSJK/Face-Aging, code GPL-3.0); learnt on UTKFace, non-commercial research only",
    ),
    "cycle": Architecture(
        name="cycle",
        network="cycle:Cycle",
        answers="picture",
        groups=(*_SAURAVSJK, "101+"),
        framing=Framing(name="chip"),
        sizes=(256, 512),
        native=256,
        encoding="-1..1",
        licence="Apache-2.0 (vfxage)",
    ),
}
