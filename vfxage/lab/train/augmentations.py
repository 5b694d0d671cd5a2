"""The augmentations of a training file: how often and how much examples are made to look like a plate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from vfxage.lab.train.limits import Share, Span, within
from vfxage.shot.document import shown
from vfxage.shot.part import Part


class Exposure(Part):
    """Brighter or darker, by up to so many stops."""

    share: Share = 0.7
    """Share of the examples; 0 switches it off. The same holds for the shares below."""
    stops: Annotated[float, Field(ge=0, le=4)] = 0.7


class WhiteBalance(Part):
    """Warmer or colder, greener or pinker, by up to so many stops."""

    share: Share = 0.5
    stops: Annotated[float, Field(ge=0, le=2)] = 0.2


class Colour(Part):
    """Another grade, as in FRAN's public trainers: contrast, saturation and hue."""

    share: Share = 0.0
    contrast: Annotated[float, Field(ge=0, le=0.9)] = 0.2
    """Up to this share more or less, about middle grey."""
    saturation: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Up to this share more or less."""
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.05
    """Up to this share of a turn, either way."""


class Gradient(Part):
    """Light that falls off across the picture, by up to so many stops from side to side."""

    share: Share = 0.4
    stops: Annotated[float, Field(ge=0, le=6)] = 1.2


class Defocus(Part):
    """A disc's blur."""

    share: Share = 0.2
    radius: Annotated[Span, AfterValidator(within(0.1, 7))] = (0.5, 2.5)
    """Pixels of the example, up to 7."""


class Motion(Part):
    """A straight move during the exposure."""

    share: Share = 0.15
    length: Annotated[Span, AfterValidator(within(0.1, 14))] = (2.0, 10.0)
    """Pixels of the example, up to 14."""


class Grain(Part):
    """Film grain on the network's input only."""

    share: Share = 0.6
    amount: Annotated[Span, AfterValidator(within(0, 0.5))] = (0.004, 0.035)
    """Standard deviation in the middle tones, of 1."""


class Jpeg(Part):
    """JPEG compression on the network's input only, usually with halved colour."""

    share: Share = 0.35
    quality: Annotated[Span, AfterValidator(within(1, 100))] = (35.0, 95.0)


class Occlusion(Part):
    """An object in front of the face: the wanted delta is 0 there."""

    share: Share = 0.25
    area: Annotated[Span, AfterValidator(within(0, 0.9))] = (0.03, 0.3)
    """Share of the example's area."""


class AugmentPart(Part):
    """Augmentations that imitate cameras."""

    exposure: Exposure = Exposure()
    white_balance: WhiteBalance = WhiteBalance()
    colour: Colour = Colour()
    gradient: Gradient = Gradient()
    defocus: Defocus = Defocus()
    motion: Motion = Motion()
    grain: Grain = Grain()
    jpeg: Jpeg = Jpeg()
    occlusion: Occlusion = Occlusion()


def switched(value: Any) -> Any:
    """``augment: false`` is every share 0, ``true`` every default. Raises ValueError for anything but keys."""
    if isinstance(value, bool):
        return {} if value else {name: {"share": 0.0} for name in AugmentPart.model_fields}
    if not isinstance(value, Mapping | AugmentPart):
        raise ValueError(f"is {shown(value)}; write true, false, or keys such as {{grain: {{share: 0.5}}}}")
    return value


UNCHANGED = AugmentPart.model_validate(switched(False))
"""No augmentation."""
