"""Find the face of a portrait and cut its square for an ager."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from vfxage.face.detect import FaceFinder
from vfxage.geometry import crop_transform, face_matte, invert, map_points, warp_to_crop
from vfxage.lab.portraits.scan import read_bytes, read_portrait
from vfxage.lab.portraits.scan_cache import ScanCache, stamp_if_there
from vfxage.lab.portraits.types import Collection, Portrait, Problem
from vfxage.progress import Progress, Silent
from vfxage.types import F32, FaceCrop, Framing, Window

FEATHER = 0.08
"""Feather of the matte, in heights of the face: the default of a shot."""


def mesh_portraits(
    collection: Collection, progress: Progress | None = None, scan_cache: ScanCache | None = None
) -> Collection:
    """Find the largest face of each portrait that has no points yet; one without a face becomes a Problem.

    Faces in ``scan_cache`` are not searched again; newly found ones are added to it. Raises ReadError for a file that
    is gone, InstallError where MediaPipe does not work.
    """
    memory = ScanCache() if scan_cache is None else scan_cache
    missing = [portrait for portrait in collection.portraits if portrait.points is None]
    if not missing:
        return collection
    seen = {portrait.path: memory.faces(portrait.path) for portrait in missing}
    seen |= _find(tuple(portrait for portrait in missing if seen[portrait.path] is None), progress or Silent(), memory)
    meshed, lost = [], []
    for portrait in collection.portraits:
        faces = seen.get(portrait.path)
        if portrait.points is not None:
            meshed.append(portrait)
        elif faces:
            meshed.append(replace(portrait, points=faces[0]))
        else:
            lost.append(Problem(portrait.path, "shows no face"))
    meshed.sort(key=lambda portrait: portrait.path)
    return replace(collection, portraits=tuple(meshed), problems=(*collection.problems, *lost))


def _find(waiting: tuple[Portrait, ...], progress: Progress, scan_cache: ScanCache) -> dict[Path, tuple[F32, ...]]:
    """The largest face of each picture, or none."""
    if not waiting:
        return {}
    found = {}
    with FaceFinder() as finder, progress.stage("faces", len(waiting), "picture") as advance:
        for count, portrait in enumerate(waiting, 1):
            stamp = stamp_if_there(portrait.path)
            faces = finder.find(read_bytes(portrait))[:1]
            found[portrait.path] = tuple(np.ascontiguousarray(face.points, np.float32) for face in faces)
            scan_cache.keep_faces(portrait.path, stamp, found[portrait.path])
            advance(count)
    return found


def crop_portrait(
    portrait: Portrait,
    framing: Framing,
    size: int,
    ages: tuple[float, float] | None = None,
    rgb: F32 | None = None,
) -> FaceCrop:
    """Cut the portrait's face as a network wants it.

    ``ages`` is (source, target) years, by default the portrait's own twice; ``rgb`` is (H, W, 3) sRGB 0..1 where the
    caller has the picture at hand. Beyond the picture its edge is repeated. Raises ValueError for a portrait without
    points, ReadError if the file is gone.
    """
    if portrait.points is None:
        raise ValueError(f"{portrait} has no points: mesh_portraits comes first")
    picture = read_portrait(portrait) if rgb is None else rgb
    to_frame = crop_transform(portrait.points, framing, size)
    whole = Window(0, 0, picture.shape[1], picture.shape[0])
    inside = map_points(portrait.points, invert(to_frame)).astype(np.float32)
    return FaceCrop(
        face=0,
        name=portrait.person,
        rgb=np.clip(warp_to_crop(picture, whole, to_frame, size), 0.0, 1.0),
        points=inside,
        matte=face_matte(inside, size, "head", FEATHER),
        to_frame=to_frame,
        ages=ages or (portrait.age, portrait.age),
        intensity=1.0,
    )
