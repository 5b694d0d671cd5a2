"""Training of the network that finds hair: masks stay on the hair, hats hide it, and OpenCV runs what torch trained."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from vfxage.ager.relief.hair_network import SIDE
from vfxage.ager.relief.mean_face import load_mean_face
from vfxage.lab.train.hair.examples import example
from vfxage.lab.train.hair.headwear import with_headwear
from vfxage.lab.train.hair.masks import Masked, masked_portraits
from vfxage.lab.train.hair.train import HairUNet, export, train


@pytest.fixture(scope="module")
def drawn():
    """A drawn head: hair is the only blue thing, the beard the only red one, on a grey person before grey."""
    points = np.asarray(load_mean_face().mean * (80 / 384) + 40, np.float32)
    x, y = np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5)
    top, chin = points[10], points[152]
    hair = ((np.hypot(x - top[0], y - top[1]) < 34) & (y < top[1] + 8)).astype(np.float32)
    beard = (np.hypot(x - chin[0], y - chin[1]) < 9).astype(np.float32)
    person = np.maximum(hair, (np.hypot((x - 80) / 0.8, y - 80) < 50).astype(np.float32))
    rgb = np.full((SIDE, SIDE, 3), 0.5, np.float32)
    rgb[hair > 0] = (0.1, 0.1, 0.9)
    rgb[beard > 0] = (0.9, 0.1, 0.1)
    return Masked(rgb=rgb, person=person, hair=hair, beard=beard, points=points, beard_known=True)


def test_masks_move_with_the_picture(drawn):
    """In any movement and grade, what is bluer than its surroundings is where the mask of the hair is."""
    bluer = []
    for seed in range(40):
        seen, masks, _ = example([drawn], 0, np.random.default_rng(seed))
        inside = cv2.erode(masks[0], np.ones((5, 5))) > 0.9
        outside = cv2.dilate(masks.max(axis=0), np.ones((5, 5))) < 0.1
        if inside.sum() > 50:
            blue = seen[2] - seen[:2].mean(axis=0)
            bluer.append(
                np.median(blue[inside]) - np.median(blue[outside & (seen[3] > 0.3)] if (seen[3] > 0.3).any() else 0)
            )
    assert len(bluer) > 30
    assert np.mean(np.array(bluer) > 0.02) > 0.85  # some grades take all colour away


def test_a_beard_that_nobody_looked_at_has_no_weight(drawn):
    _, _, weights = example([replace(drawn, beard_known=False)], 0, np.random.default_rng(1))
    assert weights[0].min() == 1
    assert weights[1].max() == 0


def test_what_a_hat_or_a_scarf_hides_is_no_hair(drawn):
    for seed in range(20):
        rgb, hair, person = with_headwear(
            drawn.rgb, drawn.person, drawn.hair, drawn.points, np.random.default_rng(seed)
        )
        changed = np.abs(rgb - drawn.rgb).max(axis=2) > 0.3
        assert hair[changed & (drawn.hair > 0)].max(initial=0) < 0.7, seed
        assert (hair <= drawn.hair + 1e-6).all()
        assert (person >= drawn.person - 1e-6).all()
        assert rgb.min() >= 0
        assert rgb.max() <= 1.0 + 1e-6


def test_training_saves_what_it_returns_and_opencv_runs_it(drawn, tmp_path):
    weights = tmp_path / "hair.pt"
    network = train([drawn], weights, minutes=0.08)
    again = HairUNet()
    again.load_state_dict(torch.load(weights, weights_only=True))
    assert all(torch.equal(one, other) for one, other in zip(network.parameters(), again.parameters(), strict=True))
    export(network, tmp_path / "hair.onnx")
    seen, _, _ = example([drawn], 0, np.random.default_rng(3))
    opencv = cv2.dnn.readNetFromONNX(str(tmp_path / "hair.onnx"))
    opencv.setInput(seen[None])
    with torch.no_grad():
        wanted = network(torch.from_numpy(seen[None])).numpy()
    np.testing.assert_allclose(opencv.forward(), wanted, atol=1e-3)


def test_portraits_without_masks_are_a_clear_error(portraits, tmp_path):
    none = {"names": np.array(["nobody"]), "hair": np.zeros((1, SIDE * SIDE // 8), np.uint8)}
    np.savez(tmp_path / "masks.npz", **none, beard=none["hair"], beard_known=np.array([True]))
    with pytest.raises(Exception, match="no portrait of these folders has a mask"):
        masked_portraits([portraits / "eval"], tmp_path / "masks.npz")
