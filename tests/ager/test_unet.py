"""The networks, compared with the answers of the original programs and with their published key lists."""

import numpy as np
import pytest
import torch

from vfxage.ager.architectures import ARCHITECTURES

FIXTURES = {"face_reaging": "face_reaging", "visage": "visage", "ry_lu": "ry_lu_fran"}


@pytest.mark.parametrize("name", FIXTURES)
def test_answers_what_the_original_answers(name, drawn, checkpoints):
    with np.load(checkpoints / "fixtures" / f"{FIXTURES[name]}_64.npz") as fixture:
        x, y = fixture["x"], fixture["y"]
    with torch.inference_mode():
        answer = drawn(name)(torch.from_numpy(x)).numpy()
        last = drawn(name).to(memory_format=torch.channels_last)(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(answer, y, atol=1e-5, rtol=0)
    np.testing.assert_allclose(last, y, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", FIXTURES)
def test_state_has_the_published_keys_shapes_and_types_in_order(name, checkpoints):
    lines = (checkpoints / f"{FIXTURES[name]}.txt").read_text().split("\n")
    published = [line.split()[:3] for line in lines if line]
    with torch.device("meta"):
        state = ARCHITECTURES[name].build().state_dict()
    own = [
        [key, "x".join(map(str, value.shape)) or "scalar", str(value.dtype).removeprefix("torch.")]
        for key, value in state.items()
    ]
    assert own == published


@pytest.mark.parametrize("name", FIXTURES)
@pytest.mark.parametrize("size", [32, 48, 80])
def test_any_multiple_of_16_keeps_its_size(name, size, drawn):
    with torch.inference_mode():
        assert drawn(name)(torch.rand(2, 5, size, size)).shape == (2, 3, size, size)
