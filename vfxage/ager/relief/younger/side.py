"""The younger side of the ager: from a crop, its mattes and its study to the encoded step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from vfxage.ager.relief.log_change import Exposed, Grain, step_of_change
from vfxage.ager.relief.mattes import Mattes
from vfxage.ager.relief.mean_face import MeanFace, age_columns
from vfxage.ager.relief.mouth import smile_of
from vfxage.ager.relief.neck import Beyond
from vfxage.ager.relief.skin_view import disc, grow, halve
from vfxage.ager.relief.working import Working
from vfxage.ager.relief.years import greyness, wear
from vfxage.ager.relief.younger.change import FLOOR, YoungCrop, YoungFace, younger
from vfxage.ager.relief.younger.ground import OnSkin
from vfxage.ager.relief.younger.hair import GreyHair, recoloured
from vfxage.ager.relief.younger.measure import KINDS, PORTRAIT_CHROMA, YoungSample, YoungStudy, measured
from vfxage.ager.relief.younger.settings import Settings
from vfxage.face.look import Look
from vfxage.geometry import extent, grown
from vfxage.types import F32, FaceCrop, Study

_GREY_FACES = 3.0
"""How soon hair may be grey at all: where the share of grey at the source age times this is 1, all of it counts."""
_LENS, _HINGE = 14, 4
"""Half height of a lens, and how far its hinge reaches, pixels of the half grid of the mean face."""
_PERSON = (0.3, 0.8)
"""Matte of the person from which a pixel is hers, and surely hers."""


class YoungerSide:
    """Makes faces younger. A call depends on its arguments alone."""

    def __init__(self, mean_face: MeanFace, settings: Settings | None = None) -> None:
        """``mean_face`` holds mesh, masks and the mean young face."""
        self._mean_face = mean_face
        self._settings = settings or Settings()
        self._face = YoungFace.of(mean_face.mean, mean_face.young, _common_light(mean_face))

    def study(self, samples: Sequence[tuple[Working, Mattes]], glasses: bool | None = None) -> Study:
        """Measure a face on some crops of the shot: named arrays that ``step`` reads from the crop's study.

        ``glasses`` says by hand whether the face wears spectacles.
        """
        found = [self._sample(work, mattes) for work, mattes in samples]
        seen = [sample for sample in found if sample is not None]
        return measured(seen, self._mean_face.mean, self._settings.hair, glasses).packed()

    def _sample(self, work: Working, mattes: Mattes) -> YoungSample | None:
        """What is measured of one crop; None if the face is outside it."""
        if work.view is None:
            return None
        kinds = {kind: getattr(mattes, kind) for kind in KINDS}
        return YoungSample(rgb=work.rgb, points=work.points, seen_skin=work.view.seen_skin, mattes=kinds)

    def step(self, crop: FaceCrop, work: Working, mattes: Mattes, beyond: Beyond | None) -> F32:
        """The encoded step (S, S, 3): exactly 0 where the target age is not below the source age, and off the face."""
        source, target = (min(max(age, 10.0), 100.0) for age in crop.ages)
        if target >= source or crop.intensity == 0 or crop.look.nothing:
            return np.zeros_like(crop.rgb)
        study = YoungStudy.unpacked(crop.study)
        wanted = wear(target) - wear(source), crop.look
        log, (healed, lines), flow = self._changed(work, (mattes, beyond), study, wanted)
        self._recolour(log, work, mattes, (study, crop.look.hair * _gone_grey(source, target)))
        given = self._settings.grain
        grain = Grain(finer=given.finer, most=given.most, darkened=0.0, brightened=given.kept)
        exposed = Exposed(floor=float(FLOOR), grain=grain, unit=work.unit, replaced=healed, lines=lines)
        return step_of_change(np.clip(crop.rgb, 0, 1), log, flow, exposed)

    def _recolour(self, log: F32, work: Working, mattes: Mattes, hair: tuple[YoungStudy, float]) -> None:
        """Add to ``log`` (s, s, 3) the colour that hair had; ``hair`` ends with the share of its grey that is to go."""
        (study, greyed), settings, unit, whole = hair, self._settings.hair, work.unit, work.window
        bare = 1 - _lenses(work, study.rims)
        for kind, gain in zip(KINDS, (1.0, settings.beard, settings.brows), strict=True):
            tone, matte = study.tones[kind], getattr(mattes, kind) * bare
            box = grown(extent(matte), round(3 * settings.lock * unit)).intersect(whole)
            if tone.pigment == 0 or not matte.any():
                continue
            inside = box.slices(whole)
            rgb, part = (np.ascontiguousarray(image[inside]) for image in (work.rgb, matte))
            grey = GreyHair(matte=part, tone=tone, share=min(gain * settings.gain * greyed, 1.0))
            log[inside] += recoloured(rgb, grey, PORTRAIT_CHROMA * study.saturation, unit, settings)

    def _changed(
        self, work: Working, seen: tuple[Mattes, Beyond | None], study: YoungStudy, wanted: tuple[float, Look]
    ) -> tuple[F32, tuple[F32, F32], F32]:
        """Change of log RGB (s, s, 3), healed skin and lines (s, s), and movement (s, s, 2) of the whole working crop.

        ``wanted`` is wear and look.
        """
        (mattes, beyond), (wear_change, look) = seen, wanted
        size = len(work.rgb)
        log, healed, lines, flow = (np.zeros((size, size, *deep), np.float32) for deep in ((3,), (), (), (2,)))
        if work.view is None or beyond is None:
            return log, (healed, lines), flow
        chart = work.view.chart
        inside = chart.window.slices(work.window)
        change = younger(
            YoungCrop(
                rgb=work.view.rgb,
                points=work.points,
                chart=chart,
                seen_skin=replace(work.view.seen_skin, saturation=study.saturation),
                on_skin=_on_skin(mattes, inside, chart.take_half(study.rims), beyond.neck),
                smile=smile_of(work.points),
                softness=study.softness,
                beyond=beyond,
                neck=look.neck,
            ),
            self._face,
            wear_change,
            self._settings.steered(look),
        )
        log[inside], healed[inside], lines[inside] = change.log, change.healed, change.lines
        flow[inside] = grow(change.flow, change.log.shape)
        return log, (healed, lines), flow


def _lenses(work: Working, rims: F32) -> F32:
    """(s, s) 0..1, where the lenses of spectacles are: what glints in them is no grey hair.

    ``rims`` (CANON / 2, CANON / 2) are those of the study.
    """
    found = np.zeros(work.rgb.shape[:2], np.float32)
    if work.view is None or not rims.any():
        return found
    chart = work.view.chart
    closed = cv2.morphologyEx(rims, cv2.MORPH_CLOSE, disc(_LENS))
    lenses = chart.take_half(np.asarray(cv2.dilate(closed, disc(_HINGE)), np.float32))
    found[chart.window.slices(work.window)] = np.clip(2 * grow(lenses, chart.at.shape), 0, 1)
    return found


def _gone_grey(source: float, target: float) -> float:
    """0..1, the share of a person's grey hair at ``source`` years that was not grey at ``target`` years."""
    now = greyness(source)
    return (1 - greyness(target) / now) * min(1.0, _GREY_FACES * now)


def _on_skin(mattes: Mattes, inside: tuple[slice, slice], rims: F32, neck: F32) -> OnSkin:
    """The mattes on the half grid of the chart's window."""
    hair, beard, brows, person = (
        halve(np.ascontiguousarray(getattr(mattes, kind)[inside])) for kind in (*KINDS, "person")
    )
    low, high = _PERSON
    whole = np.clip((person - np.float32(low)) / np.float32(high - low), 0, 1)
    return OnSkin(hair=hair, beard=beard, brows=brows, person=whole, glasses=rims, neck=neck)


def _common_light(mean_face: MeanFace) -> F32:
    """Log luma (CANON / 2, CANON / 2) that faces lose on average from 40 to 70 years, 0 where they gain."""
    columns = age_columns(70) - age_columns(40)
    change = mean_face.shade[0] * columns[0] + mean_face.shade[1] * columns[1]
    return np.asarray(np.maximum(-change, 0), np.float32)
