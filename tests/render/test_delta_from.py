"""``delta_from`` on a real plate, with a network whose weights nobody trained: it gets every face wrong."""

import numpy as np
import pytest
import torch

from tests.plates import read_exr
from tests.run_vfxage import run
from tests.small_shot import EXR, small_shot
from vfxage.ager import ARCHITECTURES
from vfxage.ager.checkpoint import save_checkpoint

SAME, OLDER = 1001, 1002


@pytest.fixture(scope="module")
def rendered(plate, tmp_path_factory):
    """The delta of each frame by what it starts from: at equal ages on the first frame, towards 75 on the second."""
    folder = tmp_path_factory.mktemp("delta from")
    torch.manual_seed(0)
    row = ARCHITECTURES["cycle"]
    save_checkpoint(folder / "toy.safetensors", row, row.build().state_dict())
    found = {}
    for start in ("reconstruction", "plate"):
        inner = folder / start
        inner.mkdir()
        keys = {
            "frames": f"{SAME}-{OLDER}",
            "model": str(folder / "toy.safetensors"),
            "delta_from": start,
            "source_age": 40,
            "target_age": {SAME: 40, OLDER: 75},
            "temporal": {"radius": 0},
            "tracks": str(folder / "man.tracks.npz"),
            "outputs": [EXR],
        }
        run("render", small_shot(plate, inner, **keys)).ok()
        for number in (SAME, OLDER):
            channels = read_exr(inner / "out" / f"man.{number}.exr")
            found[start, number] = np.stack([channels[f"delta.{name}"] for name in "RGB"], axis=-1)
    return found


def test_an_error_of_the_network_cancels_at_equal_ages(rendered):
    assert not rendered["reconstruction", SAME].any()
    assert np.abs(rendered["plate", SAME]).max() > 0.1


def test_what_is_left_is_small_beside_the_error(rendered):
    error, age = np.abs(rendered["plate", OLDER]).mean(), np.abs(rendered["reconstruction", OLDER]).mean()
    assert 0 < age < 0.2 * error
