"""The critic comes to believe photographs with their own age, not results, not a wrong age, and says where to go."""

import torch

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
