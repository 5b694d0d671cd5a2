"""The older side of the ager: from a crop, its mattes and its study to the encoded step."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Sequence
from functools import cached_property
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.donor import DONOR
from vfxage.ager.relief.log_change import Exposed, Grain, step_of_change
from vfxage.ager.relief.mattes import Mattes
from vfxage.ager.relief.mean_face import FLOOR, MeanFace
from vfxage.ager.relief.mesh import CANON
from vfxage.ager.relief.mouth import mouth_area
from vfxage.ager.relief.neck import Beyond, beyond_face
from vfxage.ager.relief.older.beyond import longer_lobes
from vfxage.ager.relief.older.change import OldCrop, OldFace, OldStudy, older
from vfxage.ager.relief.older.expression import expression_of
from vfxage.ager.relief.older.grey import HairPlaces, greyed
from vfxage.ager.relief.older.growth import progress
from vfxage.ager.relief.older.light import Pose, Surface, fit_light
from vfxage.ager.relief.older.onset import beard_onset, brow_onset, head_onset, head_shade
from vfxage.ager.relief.older.sculpture import Sculpture
from vfxage.ager.relief.older.shape import bare_jaw, sink_field, sunk
from vfxage.ager.relief.older.skin import darkness, gentleness, roughness
from vfxage.ager.relief.older.temples import receded
from vfxage.ager.relief.skin_view import SkinView, beyond_luma, blur, grow, halve, luma, morphed, parts, strongest
from vfxage.ager.relief.spectacles import whole_frame
from vfxage.ager.relief.working import Working
from vfxage.ager.relief.years import greyness, wear
from vfxage.ager.relief.younger.measure import RIMS
from vfxage.geometry import extent
from vfxage.types import F32, FaceCrop, Study, Window

_WARP, _SINKING = 1.8, 1.0
"""Gain of the sinking of the face, and how early it comes; see ``progress``."""
_SUNK = 1.7
"""How far a face sinks at most, in shares of 35 years: it keeps its bones."""
_GRAIN = Grain(finer=0.7, most=0.06, darkened=1.0, brightened=1.0)
_NO_RIMS: F32 = np.zeros((CANON // 2, CANON // 2), np.float32)
_BROW, _SOCKET, _HAIR = 7.0, 0.5, (0.02, 0.30)
"""Sigma, canonical pixels, of the surroundings of a brow's hair; log luma by which those may be darker than skin; log
luma by which a hair is darker than them, and the range over which it surely is a hair."""
_BESIDE = 24.0
"""Sigma, canonical pixels, within which skin beside a beard shows the light on it."""
_ON_BEARD = 0.7
"""How far a beard keeps lines and folds off itself, as hair of the head does wholly."""
_BY_RIMS = 6.0
"""How far around spectacles the sinking face holds still, canonical pixels: a bent rim betrays it."""
_SCULPTURES = 8
"""Sculptures kept: one for each face of a shot."""


class OlderSide:
    """Makes faces older. A call depends on its arguments alone. Thread-safe."""

    def __init__(self, mean_face: MeanFace, areas: Sequence[F32]) -> None:
        """``areas`` comes from ``beyond_areas``."""
        self._mean_face, self._areas = mean_face, areas
        self._sink = sink_field(mean_face.mean)
        self._sculptures: dict[tuple[str, int], Sculpture] = {}
        self._lock = threading.Lock()

    @cached_property
    def _surface(self) -> Surface:
        """The mean face in space; scipy is imported for it, so it is made at the first crop."""
        return Surface.of(self._mean_face)

    def study(self, samples: Sequence[tuple[Working, Mattes]]) -> Study:
        """Measure a face on some crops of the shot: named arrays that ``step`` reads from the crop's study."""
        found = [self._measured(work, mattes) for work, mattes in samples]
        seen = [one for one in found if one is not None]
        return (OldStudy.median(seen) if seen else OldStudy.usual()).packed()

    def _measured(self, work: Working, mattes: Mattes) -> OldStudy | None:
        """The measurements of one crop; None if the face is outside it."""
        crop = self._seen(work, mattes, _NO_RIMS, beyond_face(work, mattes, self._areas))
        if crop is None:
            return None
        seen_skin = crop.seen_skin
        skin = seen_skin.masks["texture"] * seen_skin.bare
        tight = skin * (1 - blur(np.clip(1.15 * crop.hair, 0, 1), seen_skin.unit))
        total = max(float(skin.sum()), 1.0)
        tint = (beyond_luma(seen_skin.light) * skin[..., None]).sum((0, 1)) / total
        return OldStudy(
            light=fit_light(seen_skin, crop.normals),
            rough=roughness(seen_skin, tight),
            softness=seen_skin.softness / seen_skin.unit,
            saturation=seen_skin.saturation,
            dark=darkness(seen_skin),
            tint=np.asarray(tint, np.float32),
            level=float((luma(seen_skin.light) * skin).sum() / total),
            expression=expression_of(crop.points),
        )

    def step(self, crop: FaceCrop, work: Working, mattes: Mattes, beyond: Beyond | None) -> F32:
        """The encoded step (S, S, 3): exactly 0 where the target age is not above the source age."""
        source, target = (min(max(age, 10.0), 100.0) for age in crop.ages)
        if target <= source or crop.intensity == 0 or crop.look.nothing:
            return np.zeros_like(crop.rgb)
        study = OldStudy.unpacked(crop.study)
        wear_change, grey = wear(target) - wear(source), (greyness(target) - greyness(source)) / (1 - greyness(source))
        look, gentle = crop.look, crop.traits.gentle
        sculpture = self._sculpture(crop.traits.seed or crop.name, crop.study.get(DONOR))
        seen = self._seen(work, mattes, crop.study[RIMS], beyond)
        log = np.zeros_like(work.rgb)
        flow = np.zeros((*work.rgb.shape[:2], 2), np.float32)
        if seen is not None:
            inside = seen.chart.window.slices(work.window)
            gentle = gentleness(study.rough) if gentle is None else gentle
            log[inside] = older(seen, OldFace(sculpture=sculpture, look=look, gentle=gentle), study, wear_change)
            places = self._places(seen, mattes, sculpture, work, study)
            log += greyed(work.rgb, places, study.hair_light, look.hair * grey, work.unit)
            if crop.traits.temples:
                amount = crop.traits.temples * look.hair * min(progress(wear_change, 1.3), 1.3)
                aged = np.log(work.rgb + np.float32(FLOOR)) + log
                log += receded(work, mattes, aged, amount, crop.traits.seed or crop.name)
            sinking = look.shape * min(progress(wear_change, _SINKING), _SUNK)
            moved = self._flow(seen, work, sinking, look.neck) + longer_lobes(
                seen.beyond, seen.points, work.unit, look.shape * look.neck * wear_change
            )
            flow[inside] = grow(moved, log[inside].shape)
        return step_of_change(np.clip(crop.rgb, 0, 1), log, flow, Exposed(floor=FLOOR, grain=_GRAIN, unit=work.unit))

    def _sculpture(self, name: str, donor: F32 | None) -> Sculpture:
        key = name, 0 if donor is None else zlib.crc32(donor.tobytes())
        with self._lock:
            if key not in self._sculptures:
                if len(self._sculptures) >= _SCULPTURES:
                    self._sculptures.pop(next(iter(self._sculptures)))
                self._sculptures[key] = Sculpture(self._mean_face, name, donor)
            return self._sculptures[key]

    def _seen(self, work: Working, mattes: Mattes, rims: F32, beyond: Beyond | None) -> OldCrop | None:
        """The crop's window on the mean face, with spectacles' ``rims`` on it; None if the face is outside the crop."""
        if work.view is None or beyond is None:
            return None
        chart = work.view.chart
        inside = chart.window.slices(work.window)
        pose = Pose.of(work.points, self._surface)
        bare = not rims.any()
        return OldCrop(
            rgb=work.view.rgb,
            points=work.points - np.array([chart.window.x, chart.window.y], np.float32),
            chart=chart,
            seen_skin=work.view.seen_skin,
            normals=pose.normals(self._surface, chart),
            pose=pose,
            hair=halve(np.maximum(mattes.hair, np.float32(_ON_BEARD) * mattes.beard)[inside]),
            person=halve(np.ascontiguousarray(mattes.person[inside])),
            rims=chart.take_half(rims),
            frame=chart.take_half(rims if bare else whole_frame(rims)),
            beyond=beyond,
        )

    def _places(
        self, seen: OldCrop, mattes: Mattes, sculpture: Sculpture, work: Working, study: OldStudy
    ) -> HairPlaces:
        """Where hair turns grey, over the whole working crop."""
        seen_skin, size = seen.seen_skin, len(work.rgb)
        inside = seen.chart.window.slices(work.window)
        beard = halve(np.ascontiguousarray(mattes.beard[inside]))
        lit = _lit_beside(seen_skin, beard, study.level)
        near = np.clip(2 * beard, 0, 1)
        darker = seen_skin.darker + near * (luma(seen_skin.light) - np.float32(study.level) - lit)
        vivid = np.float32(max(seen_skin.saturation, 1))  # there skin in shade is darker and redder than elsewhere
        like = cv2.exp(
            -np.square(np.minimum(darker, 0) / (np.float32(0.30) * vivid))
            - np.square(np.maximum(darker, 0) / 0.5)
            - np.square(strongest(seen_skin.tint) / (np.float32(0.14) * vivid))
        )
        like = np.maximum(like, seen_skin.masks["lips"])
        hairs = blur(seen_skin.masks["brows"], 0.7 * seen_skin.unit) * np.clip((-seen_skin.darker - 0.06) / 0.18, 0, 1)
        whole: dict[str, F32] = {
            name: np.zeros((size, size), np.float32) for name in ("like", "brows", "streaks", "dim", "lit")
        }
        shape = seen.rgb.shape
        dim = np.minimum(luma(seen_skin.light) - np.float32(study.level), 0)
        for name, image in (("like", like), ("brows", hairs), ("dim", dim), ("lit", lit)):
            whole[name][inside] = grow(np.asarray(image, np.float32), shape)
        brows = extent(whole["brows"][inside])
        if not brows.empty:
            part = brows.slices(Window(0, 0, shape[1], shape[0]))
            streaks = seen.chart.take_part(sculpture.brow_streaks, part)
            whole["streaks"][inside][part] = np.float32(0.75) * blur(streaks, 0.6)
            whole["brows"][inside][part] *= _darkest(seen.rgb[part], float(luma(seen_skin.light).mean()), work.unit)
        onsets = head_onset(work, seen.pose, self._surface), beard_onset(work), brow_onset(work)
        return HairPlaces(
            mattes=mattes, skin_like=whole["like"], brows=whole["brows"], streaks=whole["streaks"], onsets=onsets,
            shade=(head_shade(work, seen.pose, self._surface, study.light), whole["dim"]),
            lit=whole["lit"],
        )  # fmt: skip

    def _flow(self, seen: OldCrop, work: Working, sinking: float, neck: float) -> F32:
        """(h2, w2, 2) movement, crop pixels; hair, and what the lips open on, holds still.

        ``neck`` is the artist's amount of the neck: the edge of the jaw moves with it.
        """
        unit = seen.seen_skin.unit
        bare = np.float32(neck) * bare_jaw(seen.seen_skin, seen.beyond.neck, seen.points)
        flow = np.float32(_WARP * sinking) * sunk(self._sink, work.points, self._mean_face.mean, seen.chart, bare)
        mouth = mouth_area(seen.points / 2, flow.shape, unit)
        hair = cv2.dilate(seen.hair, np.ones((3, 3), np.uint8))
        still = np.clip(1.6 * blur(np.asarray(hair, np.float32), 3.0 * unit), 0, 1)
        rims = morphed(cv2.MORPH_DILATE, seen.frame, _BY_RIMS * unit / 2)
        rims = np.clip(2 * blur(rims, 2.0 * unit), 0, 1)
        held = (1 - mouth) * (1 - still) * (1 - rims)
        return np.asarray(cv2.merge([part * held for part in parts(blur(flow, 1.5 * unit))]), np.float32)


def _lit_beside(seen_skin: SkinView, beard: F32, level: float) -> F32:
    """(h2, w2) log luma by which bare skin near a place is brighter than ``level``: the light on a beard.

    In light from a side, one cheek is darker than a beard on the other.
    """
    bare = seen_skin.masks["texture"] * np.clip(1 - 2 * beard, 0, 1) + np.float32(1e-4)
    sigma = _BESIDE * seen_skin.unit / 2
    brighter = luma(seen_skin.colour) - np.float32(level)
    return np.asarray(blur(np.asarray(bare * brighter, np.float32), sigma) / blur(bare, sigma), np.float32)


def _darkest(rgb: F32, skin: float, unit: float) -> F32:
    """(h, w) 0..1: what is darker than its surroundings on ``rgb`` (h, w, 3): hairs of a brow, not the eye's socket.

    ``skin`` is the log luma of the skin.
    """
    level = luma(cast(F32, cv2.log(rgb + np.float32(FLOOR))))
    around = np.maximum(blur(level, _BROW * unit), np.float32(skin - _SOCKET))
    return np.asarray(np.clip((around - level - np.float32(_HAIR[0])) / np.float32(_HAIR[1]), 0, 1), np.float32)
