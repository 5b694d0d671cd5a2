"""The older side of the ager: from a crop, its mattes and its study to the encoded step."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from typing import cast

import cv2
import numpy as np

from vfxage.ager.prototype.ager import _mouth as mouth_area
from vfxage.ager.prototype.change import greyness, wear
from vfxage.ager.prototype.data import FLOOR, Prototype
from vfxage.ager.prototype.mesh import CANON
from vfxage.ager.prototype.sight import beyond_luma, blur, canonical_pixels, grow, halve, luma, parts, see, strongest
from vfxage.ager.relief.mattes import Mattes
from vfxage.ager.relief.older.change import OldCrop, OldFace, OldStudy, older
from vfxage.ager.relief.older.grey import HairPlaces, greyed
from vfxage.ager.relief.older.light import Pose, Surface, fit_light
from vfxage.ager.relief.older.sculpture import Sculpture
from vfxage.ager.relief.older.shape import sink_field, sunk
from vfxage.ager.relief.older.skin import darkness, roughness
from vfxage.ager.relief.working import Working, moved
from vfxage.ager.relief.younger.measure import RIMS
from vfxage.types import F32, FaceCrop, Study

_WARP = 1.52
"""Gain of the sinking of the face."""
_GRAIN = 0.7
"""Canonical pixels: detail finer than this is grain, which keeps its strength where skin gets darker or brighter."""
_MOST_GRAIN = 0.06
"""sRGB; larger detail is no grain."""
_NO_RIMS: F32 = np.zeros((CANON // 2, CANON // 2), np.float32)
_SCULPTURES = 8
"""Sculptures kept: one for each face of a shot."""


class OlderSide:
    """Makes faces older. A call depends on its arguments alone. Thread-safe."""

    def __init__(self, prototype: Prototype) -> None:
        self._prototype = prototype
        self._sink = sink_field(prototype.mean)
        self._sculptures: dict[str, Sculpture] = {}
        self._lock = threading.Lock()

    @cached_property
    def _surface(self) -> Surface:
        """The mean face in space; scipy is imported for it, so it is made at the first crop."""
        return Surface.of(self._prototype)

    def study(self, samples: Sequence[tuple[Working, Mattes]]) -> Study:
        """Measure a face on some crops of the shot: named arrays that ``step`` reads from the crop's study."""
        found = [self._measured(work, mattes) for work, mattes in samples]
        seen = [one for one in found if one is not None]
        return (OldStudy.median(seen) if seen else OldStudy.usual()).packed()

    def _measured(self, work: Working, mattes: Mattes) -> OldStudy | None:
        """The measurements of one crop; None if the face is outside it."""
        crop = self._seen(work, mattes, _NO_RIMS)
        if crop is None:
            return None
        sight = crop.sight
        skin = sight.masks["texture"] * sight.bare
        tight = skin * (1 - blur(np.clip(1.15 * crop.hair, 0, 1), sight.unit))
        total = max(float(skin.sum()), 1.0)
        tint = (beyond_luma(sight.light) * skin[..., None]).sum((0, 1)) / total
        return OldStudy(
            light=fit_light(sight, crop.normals),
            rough=roughness(sight, tight),
            softness=sight.softness / sight.unit,
            saturation=sight.saturation,
            dark=darkness(sight),
            tint=np.asarray(tint, np.float32),
            level=float((luma(sight.light) * skin).sum() / total),
        )

    def step(self, crop: FaceCrop, work: Working, mattes: Mattes) -> F32:
        """The encoded step (S, S, 3): exactly 0 where the target age is not above the source age."""
        source, target = (min(max(age, 10.0), 100.0) for age in crop.ages)
        if target <= source or crop.intensity == 0:
            return np.zeros_like(crop.rgb)
        study = OldStudy.unpacked(crop.study)
        worn, grey = wear(target) - wear(source), greyness(target) - greyness(source)
        sculpture = self._sculpture(crop.name)
        seen = self._seen(work, mattes, crop.study[RIMS])
        log = np.zeros_like(work.rgb)
        flow = np.zeros((*work.rgb.shape[:2], 2), np.float32)
        if seen is not None:
            inside = seen.chart.window.slices(work.window)
            log[inside] = older(seen, OldFace(sculpture=sculpture), study, worn)
            log += greyed(work.rgb, self._places(seen, mattes, sculpture, work), study.hair_light, grey, work.unit)
            flow[inside] = grow(self._flow(seen, work, worn), log[inside].shape)
        return _shown(np.clip(crop.rgb, 0, 1), log, flow, work.unit)

    def _sculpture(self, name: str) -> Sculpture:
        with self._lock:
            if name not in self._sculptures:
                if len(self._sculptures) >= _SCULPTURES:
                    self._sculptures.pop(next(iter(self._sculptures)))
                self._sculptures[name] = Sculpture(self._prototype, name)
            return self._sculptures[name]

    def _seen(self, work: Working, mattes: Mattes, rims: F32) -> OldCrop | None:
        """The crop's window on the mean face, with spectacles' ``rims`` on it; None if the face is outside the crop."""
        chart = self._prototype.mesh.chart(work.points, len(work.rgb), neck=work.neck)
        if chart.window.empty:
            return None
        inside = chart.window.slices(work.window)
        rgb = np.ascontiguousarray(work.rgb[inside])
        pose = Pose.of(work.points, self._surface)
        return OldCrop(
            rgb=rgb,
            points=work.points - np.array([chart.window.x, chart.window.y], np.float32),
            chart=chart,
            sight=see(rgb, chart, self._prototype, canonical_pixels(work.points, self._prototype.mean)),
            normals=pose.normals(self._surface, chart),
            pose=pose,
            hair=halve(np.ascontiguousarray(mattes.hair[inside])),
            person=halve(np.ascontiguousarray(mattes.person[inside])),
            rims=chart.take_half(rims),
        )

    def _places(self, seen: OldCrop, mattes: Mattes, sculpture: Sculpture, work: Working) -> HairPlaces:
        """Where hair turns grey, over the whole working crop."""
        sight, size = seen.sight, len(work.rgb)
        inside = seen.chart.window.slices(work.window)
        like = cv2.exp(-np.square(np.minimum(sight.darker, 0) / 0.30) - np.square(np.maximum(sight.darker, 0) / 0.5)
                       - np.square(strongest(sight.tint) / 0.14))  # fmt: skip
        hairs = blur(sight.masks["brows"], 0.7 * sight.unit) * np.clip((-sight.darker - 0.08) / 0.25, 0, 1)
        whole: dict[str, F32] = {name: np.zeros((size, size), np.float32) for name in ("like", "brows", "streaks")}
        shape = seen.rgb.shape
        for name, image in (("like", like), ("brows", hairs)):
            whole[name][inside] = grow(np.asarray(image, np.float32), shape)
        whole["streaks"][inside] = np.float32(0.75) * blur(seen.chart.take(sculpture.brow_streaks), 0.6)
        y, x = np.mgrid[:size, :size].astype(np.float32)
        far = np.hypot(x - work.points[168, 0], y - work.points[168, 1]) / np.float32(128 * work.unit)
        lead = np.clip(1.25 - 0.25 * np.sqrt(far), 0.6, 1.1)
        return HairPlaces(
            mattes=mattes, skin_like=whole["like"], brows=whole["brows"], streaks=whole["streaks"], lead=lead
        )

    def _flow(self, seen: OldCrop, work: Working, worn: float) -> F32:
        """(h2, w2, 2) movement, crop pixels; hair, and what the lips open on, holds still."""
        unit = seen.sight.unit
        flow = sunk(self._sink, work.points, self._prototype.mean, seen.chart, _WARP * worn)
        mouth = mouth_area(seen.points / 2, flow.shape, unit)
        hair = cv2.dilate(seen.hair, np.ones((3, 3), np.uint8))
        still = np.clip(1.6 * blur(np.asarray(hair, np.float32), 3.0 * unit), 0, 1)
        rims = np.clip(2 * blur(seen.rims, 2.0 * unit), 0, 1)
        held = (1 - mouth) * (1 - still) * (1 - rims)
        return np.asarray(cv2.merge([part * held for part in parts(blur(flow, 1.5 * unit))]), np.float32)


def _shown(rgb: F32, log: F32, flow: F32, unit: float) -> F32:
    """The step of a crop (S, S, 3) from changes that may have another density; ``unit`` is that of the changes."""
    ratio = len(rgb) / len(log)
    if ratio != 1:
        size, method = rgb.shape[1::-1], cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
        log, flow = (cast(F32, cv2.resize(image, size, interpolation=method)) for image in (log, flow))
        flow = flow * np.float32(ratio)
    gain = np.expm1(log)
    noise = np.clip(rgb - blur(rgb, _GRAIN * unit * ratio), -_MOST_GRAIN, _MOST_GRAIN)
    aged = rgb + gain * (rgb - noise + np.float32(FLOOR))
    return np.ascontiguousarray(np.clip(moved(aged, flow), 0, 1) - rgb, np.float32)
