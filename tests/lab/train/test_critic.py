"""The critic comes to believe photographs with their own age, not results, not a wrong age, and says where to go."""

import pytest
import torch

from vfxage.errors import ModelError
from vfxage.lab.train.critic import Adversary
from vfxage.lab.train.parallel import World
from vfxage.lab.train.recipe import Adversarial

SIZE = 64


def photographs(ages, seed):
    """Noise that is finer and stronger the older, on grey."""
    make = torch.Generator().manual_seed(seed)
    return 0.5 + torch.randn((len(ages), 3, SIZE, SIZE), generator=make) * (ages / 400)[:, None, None, None]


def test_critic_learns_photographs_and_their_ages_and_pulls_results_there():
    torch.manual_seed(0)
    recipe = Adversarial(weight=1.0, start=0, ramp=10, rate=2e-3, channels=8)
    adversary = Adversary(recipe, World(0, 1, torch.device("cpu")), mixed=False)
    smooth = torch.full((8, 3, SIZE, SIZE), 0.5)
    for step in range(120):
        ages = torch.tensor([25.0, 75.0] * 4)
        adversary.learn(photographs(ages, step), smooth, ages)
    ages = torch.tensor([75.0] * 8)
    real = photographs(ages, 1000)
    with torch.no_grad():
        believed, smoothed, too_young = (
            float(adversary.against(*shown)) for shown in ((real, ages), (smooth, ages), (real, ages - 50))
        )
    assert believed < smoothed - 0.5
    assert believed < too_young - 0.5
    half = (smooth + 0.25 * (real - smooth)).requires_grad_()
    adversary.against(half, ages).backward()
    assert float((half.grad * (real - smooth)).sum()) < 0  # more of the photographs' texture is believed more
    assert all(parameter.requires_grad for parameter in adversary.critic.parameters())


def test_weight_rises_after_the_start():
    adversary = Adversary(
        Adversarial(weight=1.0, start=100, ramp=50, channels=8), World(0, 1, torch.device("cpu")), mixed=False
    )
    assert [adversary.begun(step) for step in (0, 99, 100)] == [False, False, True]
    assert [adversary.strength(step) for step in (0, 100, 125, 150, 900)] == [0, 0, 0.5, 1, 1]


PUBLISHED = {
    "model.0.weight": (64, 4, 4, 4),
    "model.2.weight": (128, 64, 4, 4),
    "model.5.weight": (256, 128, 4, 4),
    "model.8.weight": (1, 256, 4, 4),
    **{f"model.{place}.bias": (width,) for place, width in ((0, 64), (2, 128), (5, 256), (8, 1))},
    **{
        f"model.{place}.{part}": (width,)
        for place, width in ((3, 128), (6, 256))
        for part in ("weight", "bias", "running_mean", "running_var")
    },
}
"""The 16 tensors of face_reaging's published discriminator; two counters beside them."""


def published_state():
    make = torch.Generator().manual_seed(0)
    state = {key: 0.02 * torch.randn(shape, generator=make).abs() for key, shape in PUBLISHED.items()}
    return state | {f"model.{place}.num_batches_tracked": torch.tensor(7) for place in (3, 6)}


def adversary_of(path):
    recipe = Adversarial(weight=0.05, start=0, ramp=1, critic="face_reaging", init=path)
    return Adversary(recipe, World(0, 1, torch.device("cpu")), mixed=False)


def test_published_discriminator_is_the_critic_that_a_run_begins_with(tmp_path):
    state = published_state()
    torch.save(state, tmp_path / "best_discriminator_model.pth")
    adversary = adversary_of(tmp_path / "best_discriminator_model.pth")
    for key, value in adversary.critic.state_dict().items():
        assert torch.equal(value, state[key]), key
    rgb, ages = torch.rand(2, 3, 32, 32), torch.tensor([20.0, 70.0])
    logits = by_hand(state, torch.cat([rgb, (ages / 100).reshape(2, 1, 1, 1).expand(2, 1, 32, 32)], 1))
    wanted = torch.log1p(torch.exp(-logits)).mean()
    torch.testing.assert_close(adversary.against(rgb, ages), wanted)
    before = adversary.critic.model[0].weight.clone()
    adversary.learn(rgb, 1 - rgb, ages)
    assert not torch.equal(adversary.critic.model[0].weight, before)


def by_hand(state, x):
    """The layers as they are listed; a norm in training takes the batch's own statistics."""
    for place, stride in ((0, 2), (2, 2), (5, 2), (8, 1)):
        x = torch.nn.functional.conv2d(x, state[f"model.{place}.weight"], state[f"model.{place}.bias"], stride, 1)
        if place in (2, 5):
            x = (x - x.mean((0, 2, 3), keepdim=True)) / (x.var((0, 2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
            weight, bias = (state[f"model.{place + 1}.{part}"][:, None, None] for part in ("weight", "bias"))
            x = x * weight + bias
        if place != 8:
            x = torch.where(x > 0, x, 0.2 * x)
    return x


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model.8.bias": None}, "lacks tensor model.8.bias"),
        ({"model.9.bias": torch.zeros(1)}, "unexpected tensor model.9.bias"),
        ({"model.0.weight": torch.zeros(64, 3, 4, 4)}, "model.0.weight is 64x3x4x4"),
        ({"model.3.running_var": torch.full((128,), -1.0)}, "model.3.running_var"),
    ],
)
def test_file_of_another_discriminator_is_refused_by_its_tensor(tmp_path, change, words):
    state = {key: value for key, value in (published_state() | change).items() if value is not None}
    torch.save(state, tmp_path / "d.pth")
    with pytest.raises(ModelError, match=words):
        adversary_of(tmp_path / "d.pth")
