"""Figures against numbers worked out by hand."""

import numpy as np
import pytest
from scipy import ndimage

from vfxage.lab.metrics import flicker, seam

SIDE, FRAMES = 128, 6
Y, X = np.mgrid[:SIDE, :SIDE] - 63.5
MATTE = np.clip((50 - np.hypot(X, Y)) / 10, 0, 1).astype(np.float32)


def carried(seed, motion, contrast):
    """A soft pattern that moves by ``motion`` pixels a frame, exactly: by the phases of its Fourier transform."""
    pattern = np.random.default_rng(seed).normal(size=(SIDE, SIDE, 3))
    pattern = ndimage.gaussian_filter(pattern, (3, 3, 0), mode="wrap")
    spectrum = np.fft.fft2(contrast * pattern / pattern.std(), axes=(0, 1))
    down, right = np.fft.fftfreq(SIDE)[:, None, None], np.fft.fftfreq(SIDE)[None, :, None]
    turn = -2j * np.pi * (right * motion[0] + down * motion[1])
    return np.array([np.fft.ifft2(spectrum * np.exp(turn * t), axes=(0, 1)).real for t in range(FRAMES)], np.float32)


def grain(seed, strength):
    return np.random.default_rng(seed).normal(0, strength, (FRAMES, SIDE, SIDE, 3)).astype(np.float32)


@pytest.mark.parametrize("motion", [(0, 0), (2, 1), (1.5, -0.5)])
def test_flicker_is_what_the_plates_motion_leaves_of_the_change(motion):
    plates = 0.5 + carried(1, motion, 0.1) + grain(2, 0.02)
    riding = carried(3, motion, 0.03)
    assert flicker(riding, plates, MATTE) < 0.03
    assert flicker(riding + grain(4, 0.01), plates, MATTE) == pytest.approx(0.01 / 0.02, rel=0.02)
    assert flicker(plates * np.float32(0.25), plates, MATTE) == pytest.approx(0.25, rel=1e-4)


def test_flicker_counts_a_delta_that_jumps_and_one_that_stays_where_the_face_moves_on():
    plates = 0.5 + carried(1, (2, 1), 0.1) + grain(2, 0.02)
    left = 2 * 0.02**2  # of the plate's change: its grain, here and in the next frame
    jumping = grain(5, 0.1)[:, :1, :1] * np.ones_like(plates)
    steps = np.diff(jumping[:, 0, 0], axis=0)
    assert flicker(jumping, plates, MATTE) == pytest.approx(np.sqrt((steps**2).mean() / left), rel=0.02)
    stuck = carried(3, (0, 0), 0.03)
    slid = stuck[0] - np.roll(stuck[0], (-1, -2), axis=(0, 1))
    weight = MATTE[..., None] / MATTE.sum() / 3
    assert flicker(stuck, plates, MATTE) == pytest.approx(np.sqrt((weight * slid**2).sum() / left), rel=0.05)


def test_flicker_looks_under_the_matte_and_needs_two_frames():
    plates = 0.5 + carried(1, (0, 0), 0.1) + grain(2, 0.02)
    black = np.zeros_like(plates)
    assert flicker(grain(3, 0.1) * (ndimage.grey_dilation(MATTE, 9) == 0)[None, ..., None], plates, MATTE) == 0
    assert flicker(black, black, MATTE) == 0
    assert flicker(plates, black, MATTE) == np.inf
    with pytest.raises(ValueError, match="two frames"):
        flicker(plates[:1], plates[:1], MATTE)
    with pytest.raises(ValueError, match="alike"):
        flicker(plates[:3], plates[:2], MATTE)


def test_seam_separates_a_hard_edge_from_a_soft_one():
    y, x = np.mgrid[:200, :200] - 100.0
    inside = 0.05 * np.sin(x / 6)[..., None] * np.ones(3) + 0.1
    soft = np.clip((80 - np.hypot(x, y)) / 40, 0, 1).astype(np.float32)
    hard = (np.hypot(x, y) < 60).astype(np.float32)
    assert seam((soft[..., None] * inside).astype(np.float32), soft) < 1.5
    assert seam((hard[..., None] * inside).astype(np.float32), hard) > 4
    assert seam(np.zeros((200, 200, 3), np.float32), soft) == 0
