"""One frame of a scene on its own: cut, aged and composited, without the temporal filter."""

from __future__ import annotations

from dataclasses import replace

from vfxage.ager import age_frames
from vfxage.comp.composite import composite
from vfxage.comp.hold_out import with_hands
from vfxage.comp.stencils import ArtistMattes
from vfxage.face.crop import cut
from vfxage.render.scene import Scene
from vfxage.shot import Keyed
from vfxage.types import Frame, FrameDeltas, Render


def render_frame(scene: Scene, frame: Frame) -> Render:
    """Render one frame as a shot with ``temporal: {radius: 0}`` and without drawn mattes renders it."""
    crops = cut(frame, scene.plan, scene.colour)
    (deltas,) = age_frames(scene.ager, whole_head=scene.plan.matte == "head")([crops])
    return comp_frame(scene, deltas, ArtistMattes(number=frame.number))


def comp_frame(scene: Scene, deltas: FrameDeltas, drawn: ArtistMattes) -> Render:
    """Hold the hands of this frame out of the mattes, and put the change of every face into the plate."""
    hands = scene.plan.hands_at(deltas.frame.number)
    mattes = with_hands(drawn, hands, scene.plan.pixel_aspect, deltas.frame.window)
    return composite(deltas, scene.colour, scene.passes, mattes)


def at_age(scene: Scene, target: float, source: float | None = None) -> Scene:
    """The same scene with another target age, and another source age if one is given, years, for every face."""
    ages = {"target_age": Keyed.of(target)} | ({} if source is None else {"source_age": Keyed.of(source)})
    faces = (replace(face, shot_face=face.shot_face.model_copy(update=ages)) for face in scene.plan.faces)
    return replace(scene, plan=replace(scene.plan, faces=tuple(faces)))
