"""Figures against numbers worked out by hand."""

import numpy as np
import pytest

from vfxage.metrics import flicker, seam


def test_flicker_is_the_ratio_of_second_differences():
    rng = np.random.default_rng(0)
    matte = np.zeros((16, 16), np.float32)
    matte[4:12, 4:12] = 1
    plates = rng.normal(0, 0.02, (40, 16, 16, 3)).astype(np.float32)
    assert flicker(plates * np.float32(0.25), plates, matte) == pytest.approx(0.25, rel=1e-5)
    ramp = np.linspace(0, 1, 40, dtype=np.float32)[:, None, None, None] * np.ones((1, 16, 16, 3), np.float32)
    assert flicker(ramp, plates, matte) < 1e-4
    outside = plates * (matte[None, :, :, None] == 0)
    assert flicker(outside, plates, matte) == 0
    assert flicker(np.zeros_like(plates), np.zeros_like(plates), matte) == 0
    assert flicker(plates, np.zeros_like(plates), matte) == np.inf
    with pytest.raises(ValueError, match="three frames"):
        flicker(plates[:2], plates[:2], matte)


def test_seam_tells_a_hard_edge_from_a_soft_one():
    y, x = np.mgrid[:200, :200] - 100.0
    inside = 0.05 * np.sin(x / 6)[..., None] * np.ones(3) + 0.1
    soft = np.clip((80 - np.hypot(x, y)) / 40, 0, 1).astype(np.float32)
    hard = (np.hypot(x, y) < 60).astype(np.float32)
    assert seam((soft[..., None] * inside).astype(np.float32), soft) < 1.5
    assert seam((hard[..., None] * inside).astype(np.float32), hard) > 4
    assert seam(np.zeros((200, 200, 3), np.float32), soft) == 0
