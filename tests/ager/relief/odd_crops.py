"""Crops and meshes that a tracker may hand to an ager when all goes wrong."""

import numpy as np
from hypothesis import strategies as st

from vfxage.ager.relief.mean_face import load_mean_face
from vfxage.types import POINTS, FaceCrop

MEAN = load_mean_face().mean


def mean_face(size):
    """A mesh where the framing puts it, about half the crop tall."""
    return MEAN * np.float32(size / 384)


def crop_of(rgb, points, ages):
    size = rgb.shape[0]
    return FaceCrop(
        face=0, name="lead", rgb=rgb, points=points.astype(np.float32), matte=np.ones((size, size), np.float32),
        to_frame=np.eye(2, 3), ages=ages, intensity=1.0,
    )  # fmt: skip


def picture(kind, size, seed):
    if kind == "noise":
        return np.random.default_rng(seed).random((size, size, 3), np.float32)
    if kind == "skin":
        even = np.full((size, size, 3), (0.8, 0.6, 0.5), np.float32)
        return even + np.float32(0.02) * np.random.default_rng(seed).standard_normal(even.shape, np.float32)
    return np.full((size, size, 3), {"black": 0, "white": 1}[kind], np.float32)


@st.composite
def odd_crops(draw):
    """Tiny and huge faces, mirrored, squashed to a line or a point, half outside, torn, and where no crop is."""
    kind = draw(st.sampled_from(["noise", "skin", "black", "white"]))
    size = draw(st.sampled_from([16, 33, 64, 150, 256]))
    seed = draw(st.integers(0, 9))
    turn = draw(st.floats(0, 6.3))
    scale = draw(st.tuples(*[st.sampled_from([-1.0, 0.0, 1e-6, 0.03, 0.3, 1.0, 1.0, 3.0, 40.0])] * 2))
    shift = draw(st.tuples(*[st.sampled_from([-1e9, -2.0, -0.5, 0.0, 0.0, 0.3, 0.9, 50.0, 1e30])] * 2))
    jitter = draw(st.sampled_from([0.0, 0.0, 1e-3, 0.05, 1.0]))
    points = (mean_face(size) - size / 2) * np.array(scale)
    points = points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    points += np.random.default_rng(seed).normal(0, jitter * size, (POINTS, 2)) + (np.array(shift) + 0.5) * size
    ages = draw(st.tuples(st.floats(0, 120), st.floats(0, 120)))
    return crop_of(np.clip(picture(kind, size, seed), 0, 1), points, ages)
