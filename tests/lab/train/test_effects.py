"""Each effect compared with its model: a real JPEG, a sum over a kernel, statistics of grain."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import convolve

from tests.lab.train.people import EFFECTS
from vfxage.lab.train import effects
from vfxage.lab.train.augment import Draws, as_floats, augment, prepare
from vfxage.lab.train.augmentations import AugmentPart
from vfxage.lab.train.batches import Batch

SIZE = 64


def smooth(count=2, seed=0):
    rows = []
    for one in range(count):
        coarse = np.random.default_rng(seed + one).integers(40, 215, (9, 9, 3), dtype=np.uint8)
        rows.append(np.asarray(Image.fromarray(coarse).resize((SIZE, SIZE), Image.Resampling.BICUBIC)))
    return torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2)


def batch(count=8, step=5, indices=None):
    pictures = smooth(count)
    return Batch(
        step=step,
        indices=tuple(indices or range(count)),
        source=pictures,
        target=(pictures.int() + 20).clamp(0, 255).byte(),
        portrait=smooth(count, seed=50),
        weight=torch.full((count, 1, SIZE // 4, SIZE // 4), 255, dtype=torch.uint8),
        ages=torch.tensor([[30.0, 60.0]] * count),
    )


def recipe(**shares):
    return AugmentPart.model_validate({name: {"share": shares.get(name, 0.0)} for name in EFFECTS})


def changed(part, given=None):
    made = given or batch()
    return augment(as_floats(made, torch.device("cpu")), part, Draws(made, 7, torch.device("cpu")))


@pytest.mark.parametrize("quality", [30, 75])
@pytest.mark.parametrize("halved", [True, False])
def test_jpeg_is_what_an_encoder_makes(quality, halved):
    picture = smooth(1)
    stream = io.BytesIO()
    whole = Image.fromarray(picture[0].permute(1, 2, 0).numpy())
    whole.save(stream, "JPEG", quality=quality, subsampling=2 if halved else 0)
    wanted = np.asarray(Image.open(stream), np.float32)
    answer = effects.jpeg(picture.float() / 255, torch.tensor([float(quality)]), torch.tensor([halved]))
    ours = answer[0].permute(1, 2, 0).numpy() * 255
    lost = np.abs(np.asarray(whole, np.float32) - wanted).mean()
    assert lost > 1
    assert np.abs(ours - wanted).mean() < 0.5 * lost


def test_kernels_sum_to_one_and_blur_as_a_convolution_does():
    for kernels in (
        effects.disc(torch.tensor([0.5, 2.0, 6.5])),
        effects.streak(torch.tensor([2.0, 7.0, 14.0]), torch.tensor([0.0, 1.0, 2.5])),
    ):
        assert torch.allclose(kernels.sum((1, 2)), torch.ones(3))
        pictures = smooth(3).float() / 255
        ours = effects.convolved(pictures, kernels)
        wanted = convolve(pictures[1, 2].numpy(), kernels[1].numpy()[::-1, ::-1], mode="nearest")
        assert np.abs(ours[1, 2].numpy() - wanted).max() < 1e-5
    across = effects.streak(torch.tensor([9.0]), torch.tensor([0.0]))[0]
    assert across[7].sum() == pytest.approx(1.0)


def test_grain_has_the_asked_deviation_in_middle_tones_and_less_in_black_and_white():
    noise = torch.randn((3, 4, 128, 128), generator=torch.Generator().manual_seed(1))
    tones = torch.tensor([0.0, 0.5, 1.0])[:, None, None, None].expand(3, 3, 128, 128)
    zero, some = torch.zeros(3), torch.full((3,), 0.02)
    for softness, colour in ((0.0, 0.0), (1.0, 0.5)):
        made = effects.grain(tones, noise, some, torch.full((3,), softness), torch.full((3,), colour)) - tones
        black, middle, white = made.std(dim=(1, 2, 3)).tolist()
        assert middle == pytest.approx(0.02, rel=0.05)
        assert max(black, white) < 0.4 * middle
    alike = effects.grain(tones, noise, some, zero, zero) - tones
    assert torch.allclose(alike[:, 0], alike[:, 1], atol=1e-6)


def test_a_grade_is_contrast_about_grey_saturation_about_luma_and_a_turn_of_colours():
    pictures = smooth(4).float() / 255
    y = torch.tensordot(torch.tensor(effects.LUMA), pictures, ([0], [1]))[:, None]
    one, two, none, turn = (torch.full((4,), value) for value in (1.0, 1.2, 0.0, 0.5))
    for made, wanted in (
        (effects.graded(pictures, one, one, none), pictures),
        (effects.graded(pictures, two, one, none), 0.5 + 1.2 * (pictures - 0.5)),
        (effects.graded(pictures, one, two, none), y + 1.2 * (pictures - y)),
        (effects.graded(pictures, one, one, turn), 2 * y - pictures),
    ):
        assert torch.allclose(made, wanted, atol=1e-5)
    thrice = pictures
    for _ in range(3):
        thrice = effects.graded(thrice, one, one, one / 3)
    assert torch.allclose(thrice, pictures, atol=1e-5)


def test_a_grade_changes_both_pictures_alike():
    made, plain = changed(recipe(colour=1.0)), as_floats(batch(), torch.device("cpu"))
    assert (made.source - plain.source).abs().mean() > 0.01
    same = batch()
    alike = Batch(
        **{name: getattr(same, name) for name in ("step", "indices", "portrait", "weight", "ages")},
        source=same.source,
        target=same.source,
    )
    graded = changed(recipe(colour=1.0), alike)
    assert torch.equal(graded.source, graded.target)
    assert torch.equal(graded.source, made.source)


def test_light_changes_both_pictures_and_so_the_wanted_delta():
    made = changed(recipe(exposure=1.0))
    plain = as_floats(batch(), torch.device("cpu"))
    gain = (made.source / plain.source.clamp_min(1e-3)).flatten(1).median(dim=1).values
    assert (gain - 1).abs().max() > 0.1
    wanted = (plain.target * gain[:, None, None, None]).clamp(0, 1)
    assert (made.target - wanted).abs().max() < 1e-3
    assert torch.equal(made.given, made.source)


def test_grain_and_jpeg_are_in_what_is_given_alone():
    for name in ("grain", "jpeg"):
        made = changed(recipe(**{name: 1.0}))
        plain = as_floats(batch(), torch.device("cpu"))
        assert torch.equal(made.source, plain.source)
        assert torch.equal(made.target, plain.target)
        assert (made.given - plain.source).abs().mean() > 1e-3


def test_nothing_is_wanted_on_what_stands_before_the_face():
    made = changed(recipe(occlusion=1.0))
    plain = as_floats(batch(), torch.device("cpu"))
    share = []
    for one in range(8):
        hidden = ((made.source[one] - plain.source[one]).abs().amax(0) > 0.05).float()
        delta = (made.target[one] - made.source[one]).abs().amax(0)
        assert delta[hidden > 0].median() < 1e-3
        assert delta[hidden == 0].median() > 0.05
        share.append(float(hidden.mean()))
    assert 0.03 < np.mean(share) < 0.35


@pytest.mark.parametrize("name", EFFECTS)
def test_share_of_zero_switches_off_and_one_changes(name):
    plain = as_floats(batch(), torch.device("cpu"))
    assert torch.equal(changed(recipe()).given, plain.given)
    assert not torch.equal(changed(recipe(**{name: 1.0})).given, plain.given)


def test_an_example_is_the_same_whatever_process_has_it():
    """Seen by one process with eight examples, or by the second of four with two."""
    every = dict.fromkeys(EFFECTS, 0.8)
    whole, part = batch(), batch(indices=(2, 3))
    cut = {key: getattr(whole, key)[2:4] for key in ("source", "target", "portrait", "weight", "ages")}
    alone = changed(recipe(**every), Batch(step=part.step, indices=(2, 3), **cut))
    together = changed(recipe(**every), whole)
    assert (alone.given - together.given[2:4]).abs().max() < 1e-5
    assert (alone.portrait - together.portrait[2:4]).abs().max() < 1e-5


def test_what_a_network_sees_does_not_depend_on_the_grade_of_the_plate():
    """One plate, graded by gains of its light: levelled examples are the same, and their skin has the same colour."""

    def light(code):
        return torch.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)

    def seen(gains):
        pictures = [0.25 + 0.4 * smooth(2, seed).float() / 255 for seed in (0, 7)]
        skin = torch.tensor([[0.55, 0.42, 0.37]] * 2)
        gains = torch.tensor(gains)[None, :, None, None]
        source, target = (1.055 * (light(one) * gains) ** (1 / 2.4) - 0.055 for one in pictures)
        tone = 1.055 * (light(skin) * gains[:, :, 0, 0]) ** (1 / 2.4) - 0.055
        made = batch(2)
        plain, colour = as_floats(made, torch.device("cpu")), tone[:, :, None, None]
        examples = replace(plain, given=source, source=source, target=target, skin=colour)
        return prepare(examples, recipe(), Draws(made, 7, torch.device("cpu")))

    own, other = seen([1.0, 1.0, 1.0]), seen([1.3, 0.9, 0.6])
    torch.testing.assert_close(own.given, other.given, atol=2e-3, rtol=0)
    torch.testing.assert_close(own.target - own.source, other.target - other.source, atol=2e-3, rtol=0)
    assert (seen([1.0, 1.0, 1.0]).given - 0.25).abs().max() > 0.1
