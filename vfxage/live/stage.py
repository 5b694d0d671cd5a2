"""One live picture: its face found, cut, aged, steadied and put back, by the same stages as in a shot."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from vfxage.ager import Ager, age_frames
from vfxage.comp.composite import WantedPasses
from vfxage.comp.stencils import ArtistMattes
from vfxage.face.crop import CropPlan, FacePlan, cut, usual_extent
from vfxage.face.detect import FaceFinder
from vfxage.geometry import neck_points
from vfxage.live.camera import Camera
from vfxage.live.person import Person
from vfxage.live.steady import CausalSteps
from vfxage.render.one_frame import at_age, comp_frame
from vfxage.render.scene import Scene
from vfxage.shot import Shot
from vfxage.types import F32, FaceTrack, Frame, Render, Study

_LARGEST_CROP = 512
"""Side of the largest crop, pixels: a larger one takes more time than a live picture has."""
_NO_STUDY: Study = {}


@dataclass(slots=True)
class Ages:
    """The ages as the keys have set them, years."""

    source: float
    target: float


class LiveStage:
    """Ages the largest face of each picture of a camera.

    It remembers the landmarks and the change of the picture before, and nothing of pictures that were dropped. What an
    ager measures once per shot is measured when a face appears.
    """

    def __init__(self, camera: Camera, shot: Shot, ager: Ager, finder: FaceFinder) -> None:
        self._camera, self._shot, self._ager = camera, shot, ager
        self._person = Person(finder)
        self._steps = CausalSteps()
        self._age = age_frames(ager, whole_head=shot.matte.kind == "head")
        self._size = 0
        self._study: Study | None = None

    def render(self, frame: Frame, ages: Ages) -> Render | None:
        """The picture with the aged face; None if it shows no face."""
        points = self._person.look(self._camera.colour.to_sdr8(frame.rgb))
        if points is None:
            self._steps.forget()
            self._size, self._study = 0, None
            return None
        scene = at_age(self._scene(frame, points), ages.target, ages.source)
        crops = cut(frame, scene.plan, scene.colour)
        if self._study is None and crops.crops:
            self._study = self._ager.study(crops.crops) if self._ager.study_method else _NO_STUDY
        study = self._study or _NO_STUDY
        crops = replace(crops, crops=tuple(replace(crop, study=study) for crop in crops.crops))
        (deltas,) = self._age([crops])
        steadied = tuple(replace(delta, step=self._steps.steady(delta)) for delta in deltas.deltas)
        return comp_frame(scene, replace(deltas, deltas=steadied), ArtistMattes(number=frame.number))

    def _scene(self, frame: Frame, points: F32) -> Scene:
        """The scene of one picture: a track of one row."""
        points = np.ascontiguousarray(points[None], np.float32)
        track = FaceTrack(
            face=0,
            numbers=np.array([frame.number], np.int32),
            points=points,
            neck=np.asarray(neck_points(points), np.float32),
            confidence=np.ones(1, np.float32),
            presence=np.full(1, self._person.presence, np.float32),
            yaw=np.zeros(1, np.float32),
        )
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
        )
        return Scene(
            colour=self._camera.colour,
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
