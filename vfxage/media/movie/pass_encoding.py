"""Converts a pass to R'G'B' code values for a movie, and chooses the movie's colour tags."""

from __future__ import annotations

import numpy as np

from vfxage.colour.cicp import DISPLAY_709, SRGB
from vfxage.colour.config import BUILTIN
from vfxage.colour.conversion import Conversion
from vfxage.colour.space import Colour
from vfxage.media.base import Destination
from vfxage.media.display import on_display
from vfxage.media.movie.tags import UNSPECIFIED, Tags, tags_for
from vfxage.types import F32, Pass, Render

DELTA_COMMENT = (
    "delta pass: 0.5 + delta/2 of the scene-linear difference, no curve, clipped to 0..1; "
    "beauty = plate + 2 * (pixel - 0.5)"
)
MATTE_COMMENT = "matte pass: 0..1 as grey, no curve"


class PassEncoding:
    """How one colour pass of one destination is encoded: its code values, tags, and a comment for the user or None.

    ``beauty`` is in the destination's colour space. It keeps the tags of a movie plate if the space is the plate's.
    Integers cannot store a linear space, so a linear beauty becomes Rec.709 primaries with Rec.1886. ``delta`` (in the
    linear space of the destination's primaries) and ``matte`` are data: no curve, no tags.
    """

    def __init__(self, destination: Destination, colour_pass: Pass) -> None:
        self._pass = colour_pass
        self._size = destination.clip.height, destination.clip.width
        self._unpremultiply = destination.clip.kind == "sequence" and not destination.clip.straight_alpha
        self._conversion = Conversion(destination.clip, destination.colorspace, destination.ocio)
        self._colour = self._conversion.target
        self._display = Colour(DISPLAY_709, BUILTIN)
        self._srgb = Colour(SRGB, BUILTIN)
        primaries, transfer, matrix = self._tag_numbers(destination)
        self.comment: str | None = None
        self.converted_to: str | None = None
        """The space that the beauty is converted to; None if it stays in the plate's."""
        if colour_pass != "beauty":
            primaries = transfer = UNSPECIFIED
            self.comment = DELTA_COMMENT if colour_pass == "delta" else MATTE_COMMENT
        elif self._colour.linear:
            self.comment = f"beauty pass: {self._colour.name} shown as {DISPLAY_709}"
            self.converted_to = DISPLAY_709
        elif not self._conversion.same:
            self.comment = f"beauty pass: {self._conversion.plate.name} as {self._colour.name}"
            self.converted_to = self._colour.name
        self.tags = Tags(primaries=primaries, transfer=transfer, matrix=matrix, full_range=False)

    def codes(self, render: Render, alpha: F32 | None) -> F32:
        """Code values (H, W, 3) over the display window, nominally 0..1; outside the data window the code of zero.

        The beauty of an image sequence is premultiplied by the plate's ``alpha``; it is divided by it first.
        """
        if self._pass == "delta":
            delta = self._conversion.linear(self.placed(render.delta, render))
            return np.clip(np.float32(0.5) + np.float32(0.5) * delta, 0.0, 1.0)
        if self._pass == "matte":
            return np.repeat(self.placed(render.matte, render)[:, :, None], 3, axis=2)
        beauty = render.beauty
        if alpha is not None and self._unpremultiply:
            beauty = beauty / np.where(alpha > 0, alpha, np.float32(1.0))[:, :, None]
        beauty = self.placed(beauty, render)
        if not self._colour.linear:
            return self._conversion.codes(beauty)
        return self._display.from_linear(self._srgb.to_linear(self._colour.encode(beauty)))

    def placed(self, image: F32, render: Render) -> F32:
        """Place an image (H, W, ...) that covers ``render.frame.window`` on the display window, zero around it."""
        return on_display(image, render.frame.window, self._size)

    def _tag_numbers(self, destination: Destination) -> tuple[int, int, int]:
        clip = destination.clip
        own = clip.tags.cicp if clip.kind == "movie" and clip.colorspace == destination.colorspace else None
        if self._colour.linear or own is None:
            return tags_for(DISPLAY_709 if self._colour.linear else self._colour.name)
        primaries, transfer, matrix = own
        return primaries, transfer, matrix if matrix in (1, 5, 6, 9) else 9 if primaries == 9 else 1
