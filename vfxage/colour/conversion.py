"""Convert the plate's colour to an output's: a matrix between the linear spaces, then the output's curve."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from vfxage.colour.space import Colour, plate_colour
from vfxage.types import F32, ClipInfo, CropPicture, Render


class Conversion:
    """Light in the plate's own primaries to light, and code values, in an output's space.

    ``target`` is an OpenColorIO name (see ``Colour``, which raises ShotError), or the name of the plate's space. The
    plate (``clip``) has the target's space if it names none. Whites are adapted as
    OpenColorIO adapts them; nothing is clipped, and there is no tone mapping. Pure and thread-safe.
    """

    def __init__(self, clip: ClipInfo, target: str, config: str | Path | None = None) -> None:
        plate = None if clip.colorspace is None else plate_colour(clip, config)
        self.target = plate if plate is not None and target == plate.name else Colour(target, config)
        self.plate = self.target if plate is None else plate
        self.same: bool = self.plate.name == self.target.name
        """Whether code values of the plate are those of the output."""
        matrix = np.linalg.solve(self.target.to_xyz, self.plate.to_xyz)
        same_light = self.same or np.abs(matrix - np.eye(3)).max() < 1e-5
        self.same_light: bool = bool(same_light)
        """Whether linear light of the plate is that of the output."""
        self._matrix = None if same_light else matrix

    def linear(self, light: F32) -> F32:
        """Linear (..., 3), or a difference of such, in the output's primaries; the very array where they are the
        plate's."""
        import cv2

        if self._matrix is None:
            return light
        flat = np.ascontiguousarray(light).reshape(1, -1, 3)
        return np.asarray(cv2.transform(flat, self._matrix), np.float32).reshape(light.shape)

    def codes(self, light: F32) -> F32:
        """Linear (..., 3) to the output's code values, 0..1 nominal, unclamped."""
        return self.target.from_linear(self.linear(light))

    def render(self, render: Render) -> Render:
        """The same render in the output's linear space: there too, beauty is plate plus delta, to the bit.

        ``frame.native`` stays where it is the output's own linear samples.
        """
        frame = render.frame
        if frame.native is not None and not (self.same and self.plate.linear):
            frame = replace(frame, native=None)
        if self._matrix is None:
            return render if frame is render.frame else replace(render, frame=frame)
        frame = replace(frame, rgb=self.linear(frame.rgb))
        delta = self.linear(render.delta)
        beauty = frame.rgb.copy()
        np.add(beauty, delta, out=beauty, where=delta != 0)
        layers = tuple(
            replace(layer, delta=self.linear(layer.delta), raw=self._maybe(layer.raw)) for layer in render.layers
        )
        faces = tuple(replace(place, picture=self._picture(place.picture)) for place in render.faces)
        raw = self._maybe(render.raw)
        return replace(render, frame=frame, beauty=beauty, delta=delta, layers=layers, raw=raw, faces=faces)

    def _maybe(self, light: F32 | None) -> F32 | None:
        return None if light is None else self.linear(light)

    def _picture(self, picture: CropPicture | None) -> CropPicture | None:
        if picture is None:
            return None
        return replace(picture, plate=self.linear(picture.plate), delta=self.linear(picture.delta))
