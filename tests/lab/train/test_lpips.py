"""LPIPS from the user's files: against its formula written out in numpy, and files that hold something else."""

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d

from tests.lab.train.people import PLAIN, curve, recipe_in
from tests.run_vfxage import run
from vfxage.ager import ARCHITECTURES
from vfxage.errors import ModelError
from vfxage.lab.train import load_recipe
from vfxage.lab.train.augment import Draws, as_floats, prepare
from vfxage.lab.train.batches import Batches
from vfxage.lab.train.data import open_data
from vfxage.lab.train.lpips import load_lpips
from vfxage.lab.train.pictures import Pictures
from vfxage.progress import Silent

LAYERS = [(0, 64), (2, 64), (5, 128), (7, 128), (10, 256), (12, 256), (14, 256)]
LAYERS += [(17, 512), (19, 512), (21, 512), (24, 512), (26, 512), (28, 512)]
TAPS, POOLED = {2, 7, 14, 21, 28}, {5, 10, 17, 24}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lpips")
    make, vgg, channels = torch.Generator().manual_seed(0), {}, 3
    for place, width in LAYERS:
        vgg[f"features.{place}.weight"] = (
            torch.randn((width, channels, 3, 3), generator=make) * (2 / channels / 9) ** 0.5
        )
        vgg[f"features.{place}.bias"] = 0.05 * torch.randn(width, generator=make)
        channels = width
    vgg["classifier.0.bias"] = torch.zeros(3)
    lin = {
        f"lin{stage}.model.1.weight": torch.rand((1, width, 1, 1), generator=make)
        for stage, width in enumerate((64, 128, 256, 512, 512))
    }
    torch.save(vgg, folder / "vgg16.pth")
    torch.save(lin, folder / "lin.pth")
    return folder, vgg, lin


def by_hand(pictures, vgg, lin):
    shift, scale = np.array([-0.030, -0.088, -0.188]), np.array([0.458, 0.448, 0.450])
    found, stage, taps = (
        0.0,
        0,
        [((picture * 2 - 1) - shift[:, None, None]) / scale[:, None, None] for picture in pictures],
    )
    for place, width in LAYERS:
        if place in POOLED:
            taps = [tap.reshape(tap.shape[0], tap.shape[1] // 2, 2, -1, 2).max((2, 4)) for tap in taps]
        kernel, bias = vgg[f"features.{place}.weight"].numpy(), vgg[f"features.{place}.bias"].numpy()
        if taps[0].shape[1] <= 2:  # scipy is slow over many channels: matrices where pictures are tiny
            taps = [_small(tap, kernel, bias) for tap in taps]
        else:
            taps = [
                np.maximum(
                    [
                        sum(correlate2d(tap[c], kernel[k, c], "same") for c in range(len(tap))) + bias[k]
                        for k in range(width)
                    ],
                    0,
                )
                for tap in taps
            ]
        if place in TAPS:
            one, other = (tap / (np.sqrt((tap**2).sum(0)) + 1e-10) for tap in taps)
            head = lin[f"lin{stage}.model.1.weight"].numpy()[0, :, 0, 0]
            found += ((one - other) ** 2 * head[:, None, None]).sum(0).mean()
            stage += 1
    return found


def _small(tap, kernel, bias):
    padded = np.pad(tap, ((0, 0), (1, 1), (1, 1)))
    height, width = tap.shape[1:]
    rows = [padded[:, y : y + 3, x : x + 3].ravel() for y in range(height) for x in range(width)]
    return np.maximum(kernel.reshape(len(kernel), -1) @ np.stack(rows, 1) + bias[:, None], 0).reshape(-1, height, width)


def test_distance_is_the_formula(weights):
    folder, vgg, lin = weights
    measure = load_lpips(folder / "vgg16.pth", folder / "lin.pth")
    one, other = torch.rand((2, 3, 16, 16), generator=torch.Generator().manual_seed(3))
    got = measure(one[None], other[None])
    assert float(got) == pytest.approx(by_hand([one.numpy(), other.numpy()], vgg, lin), rel=1e-3)
    assert float(measure(one[None], one[None])) == 0


def test_files_of_something_else_are_refused(weights, tmp_path):
    folder, _, _ = weights
    with pytest.raises(ModelError, match=r"features\.0\.weight"):
        load_lpips(folder / "lin.pth", folder / "lin.pth")
    with pytest.raises(ModelError, match="lin0"):
        load_lpips(folder / "vgg16.pth", folder / "vgg16.pth")
    with pytest.raises(ModelError):
        load_lpips(tmp_path / "gone.pth", folder / "lin.pth")


def test_run_with_lpips_has_its_curve(weights, tmp_path):
    """A new network changes nothing: its first answer is as far from the target as the source is."""
    folder, _, _ = weights
    losses = f"losses: {{lpips: {{weight: 0.1, vgg: {folder / 'vgg16.pth'}, lin: {folder / 'lin.pth'}}}}}\n"
    recipe = recipe_in(tmp_path, PLAIN.replace("sizes: [64]", "sizes: [32]") + losses)
    err = run("train", recipe, "--steps", 1, "--device", "cpu").ok().err
    (line,) = curve(tmp_path)
    settings = load_recipe(recipe)
    data = open_data(settings.data, settings.seed, Silent())
    pictures = Pictures(settings.data.side, ARCHITECTURES["small"].framing, 1e9)
    batch = Batches(settings, data, pictures, portraits=False)(0)
    measure = load_lpips(folder / "vgg16.pth", folder / "lin.pth")  # held against the formula above
    cpu = torch.device("cpu")
    seen = prepare(as_floats(batch, cpu), settings.augment, Draws(batch, settings.seed, cpu))  # skin in one colour
    wanted = float(measure(seen.source.clamp(0, 1), seen.target.clamp(0, 1)).mean())
    assert wanted > 0.01
    assert line["lpips"] == pytest.approx(wanted, rel=0.01)
    assert f"lpips {wanted:.4f}" in err
    default = losses_of(settings)
    assert line["total"] == pytest.approx(sum(default[name] * line[name] for name in default), rel=1e-4)


def losses_of(settings):
    """Weights by the names of the curve."""
    return {name: getattr(settings.losses, name) for name in ("l1", "pyramid", "highpass")} | {"lpips": 0.1}
