"""What ``age_frames`` makes of an ager's answers: blended steps, and mattes that grow by what the answers reach."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vfxage.ager import Answer, age_frames
from vfxage.ager.contract import MeasuresNothing
from vfxage.face.look import Wish
from vfxage.types import FaceCrop, Framing

SIZE = 32


class Rows(MeasuresNothing):
    """An ager whose step is the target age in hundreds, and which reaches as many rows as that age; none at 40."""

    name = fingerprint = note = "rows"
    device = "cpu"
    framing = Framing(name="ffhq")
    sizes: tuple[int, ...] = (SIZE,)
    frames_per_call = workers_default = 1

    def fingerprint_on(self, device: str) -> str:
        return self.fingerprint

    def __call__(self, crops: Sequence[FaceCrop]) -> list[Answer]:
        return [self._answer(crop) for crop in crops]

    def _answer(self, crop: FaceCrop) -> Answer:
        age = crop.ages[1]
        reach = np.zeros((SIZE, SIZE), np.float32)
        reach[: int(age) - 40] = 0.75
        return Answer(step=np.full((SIZE, SIZE, 3), age / 100, np.float32), reach=reach if age > 40 else None)


def aged(crop, frame_of, whole_head=True):
    (item,) = age_frames(Rows(), whole_head=whole_head)([frame_of(1, crop)])
    return item.deltas[0]


def crop_with_matte(crop_of, **settings):
    matte = np.zeros((SIZE, SIZE), np.float32)
    matte[20:] = 1
    return replace(crop_of(np.full((SIZE, SIZE, 3), 0.5, np.float32), **settings), matte=matte)


def test_the_matte_grows_by_what_the_answer_reaches_if_the_whole_head_is_wanted(crop_of, frame_of):
    crop = crop_with_matte(crop_of, ages=(30.0, 46.0))
    matte = aged(crop, frame_of).crop.matte
    np.testing.assert_array_equal(matte[:, 0], [0.75] * 6 + [0] * 14 + [1] * 12)
    assert aged(crop, frame_of, whole_head=False).crop is crop
    for still in (replace(crop, ages=(30.0, 40.0)), replace(crop, intensity=0.0)):
        assert aged(still, frame_of).crop is still


def test_the_matte_grows_by_what_any_region_reaches_and_steps_are_blended(crop_of, frame_of):
    weight = np.zeros((SIZE, SIZE), np.float32)
    weight[8:] = 0.5
    crop = replace(crop_with_matte(crop_of, ages=(30.0, 40.0)), others=((Wish(target=50.0), weight),))
    delta = aged(crop, frame_of)
    np.testing.assert_array_equal(delta.crop.matte[:, 0], [0.75] * 10 + [0] * 10 + [1] * 12)
    np.testing.assert_allclose(delta.step[:, 0, 0], [0.40] * 8 + [0.45] * 24, atol=1e-6)
