"""Single pictures: whole folders aged to several ages, and one face at every age."""

from vfxage.pictures.ages import parse_age, parse_ages
from vfxage.pictures.listing import Listing, Picture, list_pictures
from vfxage.pictures.many import Outcome, Problem, StillOptions, render_stills
from vfxage.pictures.results import Form, known_suffix
from vfxage.pictures.template import picture_shot

__all__ = [
    "Form",
    "Listing",
    "Outcome",
    "Picture",
    "Problem",
    "StillOptions",
    "known_suffix",
    "list_pictures",
    "parse_age",
    "parse_ages",
    "picture_shot",
    "render_stills",
]
