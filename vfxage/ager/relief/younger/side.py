"""The younger side of the ager: from a crop, its mattes and its study to the encoded step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import cv2
import numpy as np

from vfxage.ager.prototype.ager import smile_of
from vfxage.ager.prototype.change import greyness, wear
from vfxage.ager.prototype.data import Prototype, age_columns
from vfxage.ager.prototype.sight import blur, grow, halve, parts, see
from vfxage.ager.relief.mattes import Mattes
from vfxage.ager.relief.working import Working
from vfxage.ager.relief.younger.change import FLOOR, YoungCrop, YoungFace, younger
from vfxage.ager.relief.younger.ground import Worn
from vfxage.ager.relief.younger.hair import GreyHair, recoloured
from vfxage.ager.relief.younger.measure import KINDS, YoungSample, YoungStudy, measured
from vfxage.ager.relief.younger.settings import Settings
from vfxage.geometry import extent, grown
from vfxage.types import F32, FaceCrop, Study

_PORTRAIT_CHROMA = 0.51
"""Log of red over blue of portraits' skin, for a saturation of 1."""
_PERSON = (0.3, 0.8)
"""Matte of the person from which a pixel is hers, and surely hers."""


class YoungerSide:
    """Makes faces younger. A call depends on its arguments alone."""

    def __init__(self, prototype: Prototype, settings: Settings | None = None) -> None:
        """``prototype`` holds mesh, masks and the mean young face."""
        self._prototype = prototype
        self._settings = settings or Settings()
        self._face = YoungFace.of(prototype.mean, prototype.young, _common_light(prototype))

    def study(self, samples: Sequence[tuple[Working, Mattes]]) -> Study:
        """Measure a face on some crops of the shot: named arrays that ``step`` reads from the crop's study."""
        found = [self._sample(work, mattes) for work, mattes in samples]
        return measured(
            [sample for sample in found if sample is not None], self._prototype.mean, self._settings.hair
        ).packed()

    def _sample(self, work: Working, mattes: Mattes) -> YoungSample | None:
        """What is measured of one crop; None if the face is outside it."""
        chart = self._prototype.mesh.chart(work.points, len(work.rgb), neck=work.neck)
        if chart.window.empty:
            return None
        seen = np.ascontiguousarray(work.rgb[chart.window.slices(work.window)])
        sight = see(seen, chart, self._prototype, work.unit)
        kinds = {kind: getattr(mattes, kind) for kind in KINDS}
        return YoungSample(rgb=work.rgb, points=work.points, sight=sight, mattes=kinds)

    def step(self, crop: FaceCrop, work: Working, mattes: Mattes) -> F32:
        """The encoded step (S, S, 3): exactly 0 where the target age is not below the source age, and off the face."""
        source, target = (min(max(age, 10.0), 100.0) for age in crop.ages)
        if target >= source or crop.intensity == 0:
            return np.zeros_like(crop.rgb)
        study = YoungStudy.unpacked(crop.study)
        log, flow = self._changed(work, mattes, study, wear(target) - wear(source))
        self._recolour(log, work, mattes, (study, greyness(source) - greyness(target)))
        return self._shown(np.clip(crop.rgb, 0, 1), log, flow, work.unit)

    def _recolour(self, log: F32, work: Working, mattes: Mattes, hair: tuple[YoungStudy, float]) -> None:
        """Add to ``log`` (s, s, 3) what takes ``greyed``, the share of hair that has greyed, back to its colour."""
        (study, greyed), settings, unit, whole = hair, self._settings.hair, work.unit, work.window
        for kind, gain in zip(KINDS, (1.0, settings.beard, settings.brows), strict=True):
            tone, matte = study.tones[kind], getattr(mattes, kind)
            box = grown(extent(matte), round(3 * settings.lock * unit)).intersect(whole)
            if tone.pigment == 0 or not matte.any():
                continue
            inside = box.slices(whole)
            rgb, part = (np.ascontiguousarray(image[inside]) for image in (work.rgb, matte))
            grey = GreyHair(matte=part, tone=tone, share=min(gain * settings.gain * greyed, 1.0))
            log[inside] += recoloured(rgb, grey, _PORTRAIT_CHROMA * study.saturation, unit, settings)

    def _changed(self, work: Working, mattes: Mattes, study: YoungStudy, worn: float) -> tuple[F32, F32]:
        """Change of log RGB (s, s, 3) and movement (s, s, 2) over the whole working crop."""
        size = len(work.rgb)
        log, flow = np.zeros((size, size, 3), np.float32), np.zeros((size, size, 2), np.float32)
        chart = self._prototype.mesh.chart(work.points, size, neck=work.neck)
        if chart.window.empty:
            return log, flow
        inside = chart.window.slices(work.window)
        seen = np.ascontiguousarray(work.rgb[inside])
        sight = see(seen, chart, self._prototype, work.unit)
        change = younger(
            YoungCrop(
                rgb=seen,
                points=work.points,
                chart=chart,
                sight=replace(sight, saturation=study.saturation),
                worn=_worn(mattes, inside, chart.take_half(study.rims)),
                smile=smile_of(work.points),
                softness=study.softness,
            ),
            self._face,
            worn,
            self._settings,
        )
        log[inside] = change.log
        flow[inside] = grow(change.flow, change.log.shape)
        return log, flow

    def _shown(self, rgb: F32, log: F32, flow: F32, unit: float) -> F32:
        """The step of a crop (S, S, 3) from changes that may have another density."""
        size = (rgb.shape[1], rgb.shape[0])
        ratio = rgb.shape[0] / log.shape[0]
        if ratio != 1:
            method = cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
            log = cast(F32, cv2.resize(log, size, interpolation=method))
            flow = cast(F32, cv2.resize(flow, size, interpolation=method)) * np.float32(ratio)
        gain = np.expm1(log)
        step = gain * (rgb + FLOOR)
        grain = self._settings.grain
        noise = np.clip(rgb - blur(rgb, grain.finer * unit * ratio), -grain.most, grain.most)
        step -= np.float32(grain.kept) * np.maximum(gain, 0) * noise
        aged = rgb + step
        y, x = (np.arange(count, dtype=np.float32) for count in rgb.shape[:2])
        over, down = parts(flow)
        moved = cv2.remap(aged, x - over, y[:, None] - down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return np.ascontiguousarray(np.clip(moved, 0, 1) - rgb, np.float32)


def _worn(mattes: Mattes, inside: tuple[slice, slice], rims: F32) -> Worn:
    """The mattes on the half grid of the chart's window."""
    hair, beard, brows, person = (
        halve(np.ascontiguousarray(getattr(mattes, kind)[inside])) for kind in (*KINDS, "person")
    )
    low, high = _PERSON
    whole = np.clip((person - np.float32(low)) / np.float32(high - low), 0, 1)
    return Worn(hair=hair, beard=beard, brows=brows, person=whole, glasses=rims)


def _common_light(prototype: Prototype) -> F32:
    """Log luma (CANON / 2, CANON / 2) that faces lose on average from 40 to 70 years, 0 where they gain."""
    columns = age_columns(70) - age_columns(40)
    change = prototype.shade[0] * columns[0] + prototype.shade[1] * columns[1]
    return np.asarray(np.maximum(-change, 0), np.float32)
