"""Single pictures: whole folders aged to several ages, and one face at every age."""

from vfxage.pictures.ages import parse_ages
from vfxage.pictures.listing import Picture, list_pictures
from vfxage.pictures.many import Outcome, Problem, StillOptions, render_stills
from vfxage.pictures.template import picture_shot

__all__ = [
    "Outcome",
    "Picture",
    "Problem",
    "StillOptions",
    "list_pictures",
    "parse_ages",
    "picture_shot",
    "render_stills",
]
