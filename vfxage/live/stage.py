"""One live picture: its face found, cut, aged, steadied and put back, by the same stages as in a shot."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from vfxage.ager import Ager, age_frames
from vfxage.arrays import ArrayData, shaped
from vfxage.colour.cicp import LINEAR_709, SRGB
from vfxage.colour.space import Colour
from vfxage.comp.composite import WantedPasses
from vfxage.comp.stencils import ArtistMattes
from vfxage.face.crop import CropPlan, FacePlan, cut, usual_extent
from vfxage.face.track import Finders
from vfxage.geometry import bounding_box, crop_transform, grown, neck_points, warp_support
from vfxage.live.camera import Camera
from vfxage.live.hands import Hands
from vfxage.live.person import Person
from vfxage.live.steady import CausalSteps
from vfxage.render.one_frame import at_age, comp_frame
from vfxage.render.scene import Scene
from vfxage.shot import Shot
from vfxage.types import F32, U8, FaceTrack, Frame, FrameCrops, FrameDeltas, HandTrack, Study, Window

_LARGEST_CROP = 512
"""Side of the largest crop, pixels: a larger one takes more time than a live picture has."""
_NO_STUDY: Study = {}


@dataclass(slots=True)
class Ages:
    """The ages as the keys have set them, years."""

    source: float
    target: float


@dataclass(frozen=True, slots=True, repr=False)
class Looked(ArrayData):
    """A picture of the camera in which the face was looked for."""

    number: int
    picture: U8 = field(metadata=shaped("H", "W", 3, dtype=np.uint8))
    """(H, W, 3) display-referred sRGB."""
    scene: Scene | None
    """None if it shows no face."""
    crops: FrameCrops | None
    """The crop of the face, and the light of the picture around it."""


@dataclass(frozen=True, slots=True, repr=False)
class Finished(ArrayData):
    """A picture as it goes out."""

    beauty: U8 = field(metadata=shaped("H", "W", 3, dtype=np.uint8))
    """(H, W, 3) display-referred sRGB."""
    face: bool
    """Whether it shows a face."""


class LiveStage:
    """Ages the largest face of each picture of a camera, in three steps that may run beside each other.

    ``look`` and ``finish`` each take the pictures in their order: they remember landmarks, hands and the change of the
    picture before, and nothing of pictures that were dropped. ``age`` remembers nothing. What an ager measures once per
    shot is measured when a face appears.
    """

    def __init__(self, camera: Camera, shot: Shot, ager: Ager, finders: Finders) -> None:
        self._camera, self._shot, self._ager = camera, shot, ager
        self._person, self._hands = Person(finders.faces), Hands(finders.hands, shot.tracking.smoothing)
        self._steps = CausalSteps()
        self._age = age_frames(ager, whole_head=shot.matte.kind == "head")
        self._colour = Colour(LINEAR_709)
        self._light = Colour(SRGB).to_linear((np.arange(256) / 255).astype(np.float32))
        self._size = 0
        self._study: Study | None = None

    def look(self, picture: U8, number: int, ages: Ages) -> Looked:
        """Find the face, and cut its crop for these ages."""
        points = self._person.look(picture)
        if points is None:
            self._hands.forget()
            self._size, self._study = 0, None
            return Looked(number, picture, None, None)
        track = self._track(points, number)
        hands = self._hands.look(picture, track) if self._shot.matte.hands == "held_out" else ()
        scene = at_age(self._scene(track, hands), ages.target, ages.source)
        crops = cut(self._around(picture, scene), scene.plan, scene.colour)
        if self._study is None and crops.crops:
            self._study = self._ager.study(crops.crops) if self._ager.study_method else _NO_STUDY
        study = self._study or _NO_STUDY
        crops = replace(crops, crops=tuple(replace(crop, study=study) for crop in crops.crops))
        return Looked(number, picture, scene, crops)

    def age(self, looked: Looked) -> tuple[Looked, FrameDeltas | None]:
        """Ask the ager; safe in several threads."""
        if looked.crops is None:
            return looked, None
        (deltas,) = self._age([looked.crops])
        return looked, deltas

    def finish(self, looked: Looked, deltas: FrameDeltas | None) -> Finished:
        """Steady the change and put it into the picture. Where the matte is 0, its codes stay."""
        if looked.scene is None or deltas is None:
            self._steps.forget()
            return Finished(looked.picture, face=False)
        steadied = tuple(replace(delta, step=self._steps.steady(delta)) for delta in deltas.deltas)
        deltas = replace(deltas, deltas=steadied)
        render = comp_frame(looked.scene, deltas, ArtistMattes(number=looked.number))
        beauty = looked.picture.copy()
        box = render.frame.window.slices(_whole(beauty))
        np.copyto(beauty[box], self._colour.to_sdr8(render.beauty), where=render.matte[..., None] > 0)
        return Finished(beauty, face=True)

    def _around(self, picture: U8, scene: Scene) -> Frame:
        """The light of the part of the picture in which the crop lies: the rest stays as it is."""
        (face,) = scene.plan.faces
        whole = _whole(picture)
        to_frame = crop_transform(face.track.points[0], scene.plan.framing, face.size, scene.plan.pixel_aspect)
        box = grown(bounding_box(to_frame, face.size, whole), warp_support(to_frame) + 1).intersect(whole)
        if box.empty:
            box = Window(0, 0, 1, 1)
        return Frame(number=int(face.track.numbers[0]), window=box, rgb=self._light.take(picture[box.slices(whole)]))

    def _track(self, points: F32, number: int) -> FaceTrack:
        """A track of one row."""
        points = np.ascontiguousarray(points[None], np.float32)
        return FaceTrack(
            face=0,
            numbers=np.array([number], np.int32),
            points=points,
            neck=np.asarray(neck_points(points), np.float32),
            confidence=np.ones(1, np.float32),
            presence=np.full(1, self._person.presence, np.float32),
            yaw=np.zeros(1, np.float32),
        )

    def _scene(self, track: FaceTrack, hands: tuple[HandTrack, ...]) -> Scene:
        """The scene of one picture."""
        aspect = self._camera.clip.pixel_aspect
        if not self._size:
            self._size = self._crop_size(track, aspect)
        exposure = 0.0 if self._shot.exposure == "auto" else self._shot.exposure
        face = FacePlan(name="face0", track=track, size=self._size, shot_face=self._shot.faces[0], exposure=exposure)
        plan = CropPlan(
            faces=(face,),
            names=(),
            framing=self._ager.framing,
            matte=self._shot.matte.kind,
            feather=self._shot.matte.feather,
            pixel_aspect=aspect,
            hands=hands,
        )
        return Scene(
            colour=self._colour,
            plan=plan,
            ager=self._ager,
            cuts=(),
            radius=0,
            strength=0.0,
            passes=WantedPasses(),
        )

    def _crop_size(self, track: FaceTrack, aspect: float) -> int:
        """The smallest crop that holds the face's own pixels, within what a live picture has time for."""
        if self._shot.crop_size is not None:
            return self._shot.crop_size
        quick = [size for size in self._ager.sizes if size <= _LARGEST_CROP] or [self._ager.sizes[0]]
        extent = usual_extent(track, self._ager.framing, aspect)
        return next((size for size in quick if size >= extent), quick[-1])


def _whole(picture: U8) -> Window:
    """The window of a whole picture (H, W, 3)."""
    return Window(0, 0, picture.shape[1], picture.shape[0])
