"""The small U-Net: cheap enough, silent where the ages agree, local where they are painted, steady under shifts."""

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional

from vfxage.ager import load_ager
from vfxage.ager.architectures import ARCHITECTURES
from vfxage.ager.checkpoint import load_checkpoint, save_checkpoint
from vfxage.lab.portraits import crop_portrait, scan_portraits

ROW = ARCHITECTURES["small"]


@pytest.fixture(scope="module")
def network():
    """Drawn weights, also where those of a new network are zero."""
    torch.manual_seed(3)
    made = ROW.build().eval().requires_grad_(False)
    for name, part in made.named_parameters():
        if name.endswith(("mix.weight", "delta.weight", "gain.weight", "more.weight")):
            part.normal_(0, 0.05)
    return made


def painted(rgb, source, target):
    """(N, 5, S, S): ages in years, numbers or (S, S)."""
    x = torch.empty((len(rgb), 5, *rgb.shape[2:]))
    x[:, :3], x[:, 3], x[:, 4] = rgb, torch.as_tensor(source) / 100, torch.as_tensor(target) / 100
    return x


def noise(size, count=1, seed=0):
    return torch.rand((count, 3, size, size), generator=torch.Generator().manual_seed(seed))


def answer(network, x):
    with torch.inference_mode():
        return network(x)


def test_is_small_enough_for_a_cpu(network):
    assert sum(part.numel() for part in network.parameters()) < 8_000_000
    done = []
    hooks = [
        part.register_forward_hook(lambda part, _, y: done.append(y.shape[2] * y.shape[3] * part.weight.numel()))
        for part in network.modules()
        if isinstance(part, torch.nn.Conv2d)
    ]
    answer(network, painted(noise(512), 30, 60))
    for hook in hooks:
        hook.remove()
    assert sum(done) < 5.5e9  # multiplications at 512 px; two cores do about 60e9 a second


def test_a_new_network_answers_zeros():
    assert not answer(ROW.build(), painted(noise(64), 20, 80)).any()


@pytest.mark.parametrize("age", [0, 33.3, 120])
def test_equal_ages_are_exactly_zero_and_others_are_not(network, age):
    assert not answer(network, painted(noise(64), age, age)).any()
    assert answer(network, painted(noise(64), age, age + 1)).any()


def test_the_answer_grows_smoothly_from_equal_ages(network):
    rgb = noise(64)
    steps = [answer(network, painted(rgb, 40, 40 + years)) for years in (0.5, 1.0, 2.0)]
    for half, whole in pairwise(steps):
        assert abs(whole.norm() / half.norm() - 2) < 0.1


def test_painted_ages_work_where_they_are_painted(network):
    target = torch.full((96, 96), 40.0)
    target[:48] = 70.0
    rgb = noise(96)
    step = answer(network, painted(rgb, 40, target))
    assert not step[:, :, 48:].any()
    assert step[:, :, :48].any(dim=1).all()
    # The lower half gets other ages than before. The upper half depends on it, so the two come close and are not equal.
    whole = answer(network, painted(rgb, 40, 70))
    assert torch.corrcoef(torch.stack([step[:, :, :32].flatten(), whole[:, :, :32].flatten()]))[0, 1] > 0.9


@pytest.mark.parametrize("size", [32, 80, 256])
def test_any_multiple_of_16_keeps_its_size(network, size):
    assert answer(network, painted(noise(size, 2), 30, 60)).shape == (2, 3, size, size)


def test_a_picture_does_not_depend_on_its_neighbours_in_the_batch(network):
    pair = painted(noise(64, 2), 30, 60)
    torch.testing.assert_close(answer(network, pair)[1:], answer(network, pair[1:]), atol=1e-5, rtol=0)


def test_a_shift_of_the_picture_shifts_the_answer(network, monkeypatch):
    """By the two pixels that are folded into one; what a shift of one does, weights have to learn."""
    rgb = functional.avg_pool2d(noise(212, seed=4), 3, stride=1)
    here, there = (painted(rgb[..., k : k + 208, k : k + 208], 30, 60) for k in (0, 2))

    def unlike():
        """How far the answer to a picture moved by two pixels is from the moved answer."""
        moved = answer(network, here)[..., 58:154, 58:154]
        other = answer(network, there)[..., 56:152, 56:152]
        return (other - moved).norm() / (moved - moved.mean()).norm()

    steady = unlike()
    monkeypatch.setattr("vfxage.ager.small._halve", lambda x: x[..., ::2, ::2])
    assert steady < 0.5 * unlike()


def test_reaches_over_the_whole_face(network):
    x = painted(noise(512), 30, 60).requires_grad_(True)
    network(x)[0, :, 256, 256].sum().backward()
    seen = x.grad[0, :3].abs().amax(dim=0) > 0
    assert seen[256, 30]
    assert seen[30, 256]
    assert seen[490, 490]


def test_learns_to_soften_and_to_sharpen():
    """A few steps find the sign of a detail change that follows the ages, which needs a gain on fine features."""
    torch.manual_seed(0)
    network = ROW.build()
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    first = last = 0.0
    for step in range(60):
        rgb = noise(32, 8, seed=step)
        years = torch.where(torch.arange(8) % 2 == 0, 30.0, -30.0)[:, None, None]
        wanted = 0.3 * years.sign()[:, None] * (rgb - functional.avg_pool2d(rgb, 3, 1, 1))
        x = painted(rgb, 50, (50 + years).expand(8, 32, 32))
        loss = functional.l1_loss(network(x), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        first, last = first or loss.item(), loss.item()
    assert last < 0.5 * first


def test_outside_of_training_a_face_gets_more_of_the_change_and_most_if_it_is_made_older(network):
    rgb = noise(64)
    older, younger = (answer(network, painted(rgb, 45, target)) for target in (70, 20))
    network.train()
    learned = [answer(network, painted(rgb, 45, target)) for target in (70, 20)]
    network.eval()
    assert torch.allclose(older, 1.2 * learned[0], atol=1e-6)
    assert torch.allclose(younger, 1.15 * learned[1], atol=1e-6)


def test_its_weights_travel_as_safetensors(network, tmp_path):
    path = tmp_path / "small.safetensors"
    save_checkpoint(path, ROW, network.state_dict())
    found = load_checkpoint(path)
    assert (found.architecture.name, found.ours) == ("small", True)
    x = painted(noise(64), 30, 60)
    assert torch.equal(answer(found.network(), x), answer(network, x))


def test_the_shipped_weights_age_a_face(crop_of, frame_of, portraits):
    """Older has more lines than younger, on a person that nothing was learned from."""
    ager = load_ager("small", "cpu")
    (person,) = [one for one in scan_portraits(portraits / "eval").portraits if one.person == "lon_131"]
    answers = []
    for target in (20.0, 34.0, 75.0):
        crop = crop_portrait(person, ager.framing, 512, (34.0, target))
        step = ager([crop])[0].step
        aged = (crop.rgb + step) @ [0.2126, 0.7152, 0.0722]
        lines = aged - cv2.GaussianBlur(aged, (0, 0), 4)
        answers.append(float(np.sqrt(np.mean(np.square(lines[crop.matte > 0.99])))))
    younger, same, older = answers
    assert younger < same < older


def test_the_shipped_weights_follow_a_face_that_moves_by_one_pixel(frame_of, portraits):
    """Pixels are folded by two, so that a shift of one is another picture to the network: it has learned its answer."""
    ager = load_ager("small", "cpu")
    (person,) = [one for one in scan_portraits(portraits / "eval").portraits if one.person == "lon_131"]
    crop = crop_portrait(person, ager.framing, 512, (34.0, 70.0))
    moved = replace(crop, rgb=np.roll(crop.rgb, 1, axis=1))
    here, there = (ager([one])[0].step for one in (crop, moved))
    face = crop.matte > 0.5
    unlike = np.roll(there, -1, axis=1)[face] - here[face]
    assert np.square(unlike).sum() < 0.15**2 * np.square(here[face]).sum()
