"""Frame and tracks to the crops a network sees: one stabilised square per face, of one size for the whole shot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from vfxage.arrays import ANY_SHAPE, ArrayData
from vfxage.errors import ShotError
from vfxage.face.exposure import stops_for
from vfxage.face.look import NORMAL, Look, Traits, Wish
from vfxage.face.regions import RegionSettings, regional
from vfxage.geometry import (
    MatteKind,
    bounding_box,
    crop_transform,
    face_matte,
    grown,
    invert,
    map_points,
    warp_support,
    warp_to_crop,
)
from vfxage.shot.look import traits
from vfxage.types import F32, F64, FaceCrop, FaceTrack, Frame, FrameCrops, Framing, HandTrack, Study

if TYPE_CHECKING:
    from vfxage.ager import Ager
    from vfxage.colour.space import Colour
    from vfxage.face.track import Measures
    from vfxage.shot import Face, Shot

_USUAL = 90
"""Percentile of a face's extent over the shot that its crop must hold: a few frames nearer the lens do not count."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FacePlan(ArrayData):
    """One face of the shot with its crop size and the shot's settings for it."""

    name: str
    """The face's name in the shot, or "face0"."""
    track: FaceTrack
    size: int
    """Side of its crop, pixels, on every frame."""
    shot_face: Face
    """The shot's own entry: ages, intensity, regions, mattes."""
    exposure: float = 0.0
    """Stops by which the plate's light is raised for the network, on every frame."""
    study: Study = field(default_factory=dict, metadata=ANY_SHAPE)
    """What the ager measured of this face once for the shot."""
    study_digest: str = ""
    """Digest of ``study``."""

    def row(self, number: int) -> int | None:
        """Row of this frame in the track; None if the face is absent."""
        row = int(np.searchsorted(self.track.numbers, number))
        return row if row < len(self.track.numbers) and self.track.numbers[row] == number else None

    def ages_at(self, number: int) -> tuple[float, float]:
        """(source, target) years on this frame."""
        return self.shot_face.source_age.at(number), self.shot_face.target_age.at(number)

    def intensity_at(self, number: int, row: int) -> float:
        """Weight of the effect on this frame, the track's presence included."""
        return float(self.shot_face.intensity.at(number) * self.track.presence[row])

    def look_at(self, number: int) -> Look:
        """The face's own look on this frame."""
        return self.shot_face.look.at(number, NORMAL)

    @property
    def references(self) -> tuple[tuple[int, tuple[str, ...]], ...]:
        """Photographs of the same person: pairs of an age in years and paths, in ascending order of age."""
        return self.shot_face.references

    @property
    def donor(self) -> str | None:
        """Folder of photographs whose skin the face may take."""
        return self.shot_face.donor

    @property
    def traits(self) -> Traits:
        """What the shot says about the face itself."""
        return traits(self.shot_face, self.shot_face.name, self.name)

    def region_settings_at(self, number: int) -> dict[str, RegionSettings]:
        """Settings of each region on this frame, by region."""
        own = self.look_at(number)
        return {
            name: RegionSettings(
                intensity=1.0 if region.intensity is None else region.intensity.at(number),
                target=None if region.target_age is None else region.target_age.at(number),
                look=None if region.look is None else region.look.at(number, own),
            )
            for name, region in self.shot_face.regions.named().items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CropPlan:
    """All that ``cut`` needs beside the frame; it comes from the whole shot, so that every chunk has the same."""

    faces: tuple[FacePlan, ...]
    names: tuple[str, ...]
    """Names of the faces that the shot names."""
    framing: Framing
    matte: MatteKind
    feather: float
    """Shares of the face's height."""
    pixel_aspect: float
    smallest: int = 256
    """Side of the smallest crop that a shot of this ager may have, pixels."""
    landmarks_from: Mapping[int, int] = field(default_factory=dict)
    """For each missing frame, the frame that is shown in its place, whose landmarks it uses."""
    hands: tuple[HandTrack, ...] = ()
    """Hands that are cut out of every face's matte."""

    def row(self, face: FacePlan, number: int) -> int | None:
        """Row of the track for the picture that this frame shows; None if the face is absent."""
        return face.row(self.landmarks_from.get(number, number))

    def hands_at(self, number: int) -> list[tuple[HandTrack, int]]:
        """Hands to hold out of this frame's mattes, each with its row there."""
        shown = self.landmarks_from.get(number, number)
        rows = [(hand, int(np.searchsorted(hand.numbers, shown))) for hand in self.hands]
        return [(hand, row) for hand, row in rows if row < len(hand.numbers) and hand.numbers[row] == shown]

    def crop_pass_faces(self, name: str | None) -> tuple[tuple[str, ...], int]:
        """Names of the face that the passes ``uv`` and ``crop`` show, and the side of its largest crop, pixels.

        ``name`` is the face's name in the shot; None means the shot's first face. Where the shot has no face, there
        are no names, and the side is that of the smallest crop.
        """
        if not self.faces:
            return (), self.smallest
        first = self.faces[0]
        one = first.shot_face.select == "all"
        found = [f for f in self.faces if f.name == name] if name else [
            f for f in self.faces if f is first or (not one and f.shot_face is first.shot_face)
        ]  # fmt: skip
        return tuple(dict.fromkeys(f.name for f in found)), max((f.size for f in found), default=self.smallest)

    def dependencies(self, number: int) -> tuple[object, ...]:
        """Bytes and JSON-able values that, with the plate and the matte's settings, fix this frame's crops."""
        parts: list[object] = [self.framing.name, self.pixel_aspect]
        for face in self.faces:
            row = self.row(face, number)
            if row is not None:
                ages, intensity = face.ages_at(number), face.intensity_at(number, row)
                regions = [(name, asdict(one)) for name, one in face.region_settings_at(number).items()]
                settings = [face.name, face.track.face, face.size, *ages, intensity, face.exposure, regions]
                look = [asdict(face.look_at(number)), asdict(face.traits)]
                shape = [face.track.points[row].tobytes(), face.track.neck[row].tobytes()]
                parts += [settings, look, *shape, face.study_digest]
        return tuple(parts)


def plan_crops(
    selected: Sequence[tuple[Face, FaceTrack]],
    shot: Shot,
    ager: Ager,
    pixel_aspect: float = 1.0,
    measures: Mapping[int, Measures] | None = None,
) -> CropPlan:
    """Fix each face's crop for the whole shot; ``measures`` are those of the tracks, by identity.

    The size is ``shot.crop_size``, else the smallest of ``ager.sizes`` that holds the face's own plate pixels on nine
    frames of ten of the range in which it was tracked first. Raises ShotError for a crop size the ager does not take.
    """
    if shot.crop_size is not None and shot.crop_size not in ager.sizes:
        allowed = ", ".join(map(str, ager.sizes))
        raise ShotError(
            f"crop_size {shot.crop_size} is not a size {ager.name} takes",
            path=shot.path,
            fix=f"set crop_size to one of {allowed}, or leave it out",
        )
    faces = tuple(
        FacePlan(
            name=face.name or f"face{track.face}",
            track=track,
            size=shot.crop_size or _size(track, ager, pixel_aspect, one),
            exposure=stops_for(one.light if one else math.nan) if shot.exposure == "auto" else shot.exposure,
            shot_face=face,
        )
        for face, track in selected
        for one in [(measures or {}).get(track.face)]
    )
    return CropPlan(
        faces=faces,
        names=tuple(dict.fromkeys(face.name for face, _ in selected if face.name)),
        framing=ager.framing,
        matte=shot.matte.kind,
        feather=shot.matte.feather,
        pixel_aspect=pixel_aspect,
        smallest=shot.crop_size or ager.sizes[0],
    )


def _size(track: FaceTrack, ager: Ager, pixel_aspect: float, measures: Measures | None) -> int:
    kept = measures.extents.get(ager.framing.name) if measures else None
    usual = usual_extent(track, ager.framing, pixel_aspect) if kept is None else kept
    return next((size for size in ager.sizes if size >= usual), ager.sizes[-1])


def usual_extent(track: FaceTrack, framing: Framing, pixel_aspect: float) -> float:
    """Side of a face's crop, in plate pixels, that holds the face on nine frames of ten."""
    squares = (crop_transform(points, framing, 1, pixel_aspect) for points in track.points)
    return float(np.percentile([np.linalg.norm(square[:, :2], axis=1).max() for square in squares], _USUAL))


def cut(frame: Frame, plan: CropPlan, colour: Colour) -> FrameCrops:
    """Cut every face of the plan that is on this frame, in the plan's order.

    Crops are display-referred sRGB, 0..1, whatever the plate is; beyond the data window its edge is repeated. A face
    whose square lies wholly outside the data window gives no crop.
    """
    crops = []
    for face in plan.faces:
        row = plan.row(face, frame.number)
        if row is None:
            continue
        points = face.track.points[row]
        to_frame = crop_transform(points, plan.framing, face.size, plan.pixel_aspect)
        if bounding_box(to_frame, face.size, frame.window).empty:
            continue
        inside, neck = (map_points(p, invert(to_frame)).astype(np.float32) for p in (points, face.track.neck[row]))
        ages = face.ages_at(frame.number)
        look = face.look_at(frame.number)
        own = Wish(target=ages[1], look=look)
        parts = regional(inside, face.size, face.region_settings_at(frame.number), own)
        crops.append(
            FaceCrop(
                face=face.track.face,
                name=face.name,
                rgb=encoded_square(frame, to_frame, face.size, colour.exposed(face.exposure), (0.0, 1.0)),
                points=inside,
                neck=neck,
                matte=face_matte(inside, face.size, plan.matte, plan.feather),
                to_frame=to_frame,
                ages=ages,
                intensity=face.intensity_at(frame.number, row),
                exposure=face.exposure,
                gain=parts.gain,
                others=parts.others,
                look=look,
                traits=face.traits,
                study=face.study,
            )
        )
    return FrameCrops(frame=frame, crops=tuple(crops))


def encoded_square(frame: Frame, to_frame: F64, size: int, colour: Colour, limits: tuple[float, float]) -> F32:
    """Warp the plate to a crop's square: (size, size, 3) in the model's encoding, clipped to ``limits``.

    Only the pixels that the warp needs are encoded. NaN counts as black; infinity ends at the upper limit. Beyond
    the data window its edge is repeated.
    """
    low, high = limits
    box = bounding_box(to_frame, size, frame.window)
    box = grown(box, warp_support(to_frame)).intersect(frame.window)
    encoded = colour.encode(frame.rgb[box.slices(frame.window)])
    square = warp_to_crop(np.clip(encoded, low, high, out=encoded), box, to_frame, size)
    return np.clip(square, low, high, out=square)
