"""Drawn mattes of a shot, opened once per run: rotos, hold-outs and painted maps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from vfxage.comp.roto import DrawnMattes, Rotos, RotoSource
from vfxage.render.job import Job, with_shot_line
from vfxage.render.scene import Scene
from vfxage.shot import Shot


def open_rotos(job: Job) -> closing[Rotos]:
    """Open every roto, hold-out and painted map that the shot names; see ``Rotos`` for what it raises."""
    with with_shot_line(job.shot, "matte"):
        return closing(Rotos(list(_sources(job.shot)), (job.clip.width, job.clip.height), job.clip.first))


def drawn_mattes(rotos: Rotos, job: Job, scene: Scene) -> DrawnMattes:
    """Bind the pictures to the faces that the scene found."""
    crops: dict[int, list[tuple[int, int]]] = {}
    for face in scene.plan.faces:
        index = next(i for i, named in enumerate(job.shot.faces) if named is face.shot_face)
        crops.setdefault(index, []).append((face.track.face, face.size))
    return rotos.for_faces(crops)


def _sources(shot: Shot) -> Iterator[RotoSource]:
    owners = [(None, shot.matte), *((index, face.matte) for index, face in enumerate(shot.faces))]
    for face, matte in owners:
        if matte.file is not None:
            yield RotoSource(path=matte.file, use="file", face=face)
        if matte.hold_out is not None:
            yield RotoSource(path=matte.hold_out, use="hold_out", face=face)
    for index, entry in enumerate(shot.faces):
        if entry.regions.map is not None:
            yield RotoSource(path=entry.regions.map, use="map", face=index)
