"""What an artist wants of a face beside its age: how much of each part of the change, and what is known of the face."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The amount of each part of a change of age on one frame: 0 is none, 1 is the ager's own, 2 is the most.

    A part acts wherever it is on the face; ``neck`` multiplies all parts on neck and ears. ``docs/agers.md`` says what
    each means on the older and on the younger side.
    """

    folds: float = 1.0
    """Broad relief: grooves, pouches, jowls, hollows."""
    lines: float = 1.0
    """Furrows and fine lines."""
    texture: float = 1.0
    """The skin's own lines, pores and gloss."""
    pigment: float = 1.0
    """Spots, redness and evenness of the skin."""
    hair: float = 1.0
    """Greying, or colour given back to grey hair; brows and beard too."""
    neck: float = 1.0
    """Neck and ears."""
    shape: float = 1.0
    """Movement of the skin: sinking, or lifting."""
    lips: float = 1.0
    """Colour and gloss of the lips."""
    eyes: float = 1.0
    """Whites, iris, lashes and edges of the lids."""

    @property
    def nothing(self) -> bool:
        """Whether no part changes: neck and ears have no part of their own."""
        return not any(astuple(replace(self, neck=0.0)))


NORMAL = Look()
"""The ager's own amounts."""
PARTS = tuple(one.name for one in fields(Look))
"""The names of all parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What an artist knows of a face, or decides about it, for the whole shot; None leaves it to the ager."""

    gentle: float | None = None
    """How gently the older side treats the skin, 0..1: 1 has soft folds without hard creases. None: measured."""
    glasses: bool | None = None
    """Whether the face wears spectacles. None: found on the plate."""
    beard: bool | None = None
    """Whether the face has a beard. None: found on the plate."""
    temples: float = 0.0
    """How far the hairline of an older man goes back, 0 to 2: 1 is usual, 0 leaves it."""
    seed: str | None = None
    """Chooses the face's lines, spots and grey strands, in place of its name."""


UNKNOWN = Traits()
"""Nothing is said about the face."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The target age in years and the look that one part of a face wants."""

    target: float
    look: Look = NORMAL
