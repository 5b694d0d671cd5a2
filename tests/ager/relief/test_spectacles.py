"""Spectacles drawn on a mean face are found where they are; pouches and brows are no spectacles."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from vfxage.ager.relief.lenses import lens_outlines
from vfxage.ager.relief.mean_face import load_mean_face
from vfxage.ager.relief.mesh import CANON
from vfxage.ager.relief.spectacles import spectacles, unwrapped


@pytest.fixture(scope="module")
def mean():
    return load_mean_face().mean


def _eyes(mean):
    return [(mean[a] + mean[b]) / 2 for a, b in ((33, 133), (263, 362))]


def _face(mean):
    """Log luma of even skin with dark eyes and brows, canonical."""
    level = np.full((CANON, CANON), -0.6, np.float32)
    for centre in _eyes(mean):
        x, y = (int(value) for value in centre)
        cv2.ellipse(level, (x, y), (18, 7), 0, 0, 360, (-2.0,), -1)
        cv2.ellipse(level, (x, y - 22), (26, 4), 0, 0, 360, (-1.8,), -1)
    return cv2.GaussianBlur(level, (0, 0), 1.5)


def _with_rims(level, mean, radius, thickness, contrast):
    drawn = np.zeros_like(level)
    for centre in _eyes(mean):
        x, y = (int(value) for value in centre)
        cv2.ellipse(drawn, (x, y + 6), (radius + 6, radius), 0, 0, 360, (1.0,), thickness, cv2.LINE_AA)
    (left, y), (right, _) = ((int(x), int(y)) for x, y in _eyes(mean))
    cv2.line(drawn, (left + radius, y), (right - radius, y), (1.0,), thickness, cv2.LINE_AA)
    return level + np.float32(contrast) * drawn


@pytest.mark.parametrize("contrast", [-1.2, 0.7], ids=["dark", "bright"])
@pytest.mark.parametrize("radius", [24, 32])
def test_rims_are_found_where_they_are(mean, radius, contrast):
    found = spectacles([_with_rims(_face(mean), mean, radius, 3, contrast)], mean)
    assert found.max() > 0.9
    for x, y in _eyes(mean):
        below = found[int(y + 6 + radius) // 2, int(x) // 2]
        inside = found[int(y + 6 + radius - 12) // 2, int(x) // 2]
        assert below > 0.8 > 0.2 > inside


def test_a_bare_face_with_pouches_has_none(mean):
    level = _face(mean)
    pouches = np.zeros_like(level)
    for x, y in _eyes(mean):
        cv2.ellipse(pouches, (int(x), int(y) + 4), (24, 18), 0, 20, 160, (1.0,), 4, cv2.LINE_AA)
    assert not spectacles([level], mean).any()
    assert not spectacles([level - 0.5 * cv2.GaussianBlur(pouches, (0, 0), 3.0)], mean).any()


def test_what_one_frame_shows_alone_is_no_rim(mean):
    bare, rims = _face(mean), _with_rims(_face(mean), mean, 28, 3, -1.2)
    assert not spectacles([bare, rims, bare], mean).any()
    assert spectacles([rims, bare, rims], mean).any()


def test_a_crop_is_unwrapped_onto_the_mean_face(mean):
    crop = np.mgrid[:512, :512][0].astype(np.float32)
    points = mean * np.float32(512 / CANON)
    level = unwrapped(crop, points.astype(np.float32), mean)
    x, y = (int(value) for value in mean[4])
    assert level[y, x] == pytest.approx((y + 0.5) * 512 / CANON, abs=1.5)


def test_the_face_sinks_behind_the_rims_and_leaves_them_straight(spectacled, ager):
    """On a real frame, the dark line of both upper rims stays in its rows while brows and lids sink."""
    crop = spectacled
    aged = np.clip(crop.rgb + ager([replace(crop, study=ager.study([crop]))])[0].step, 0, 1)
    for brow, lid in ((105, 159), (334, 386)):  # the rim is the darkest line between brow and lid, from its middle out
        (x, top), (_, bottom) = crop.points[brow].astype(int), crop.points[lid].astype(int)
        rows = slice(top + 6, bottom - 4)
        before, after = (image[rows, x - 12 : x + 13].sum(axis=2) for image in (crop.rgb, aged))
        line = before.argmin(axis=0)
        far = np.abs(np.arange(len(before))[:, None] - line) > 3  # an old lid may be darker than the rim
        moved = np.where(far, np.inf, after).argmin(axis=0)
        assert np.abs(line - moved).max() <= 1, (line, moved)


def test_the_outline_of_wide_lenses_is_found_behind_heavy_brows(mean):
    """Rectangles whose upper edge runs through dark brows, on both sides."""
    level, half = _face(mean), np.array([40, 18])
    middles = [np.array([x + side * 6, y + 5]).astype(int) for side, (x, y) in zip((-1, 1), _eyes(mean), strict=True)]
    for middle, (x, y) in zip(middles, _eyes(mean), strict=True):
        cv2.ellipse(level, (int(x), int(y) - 19), (30, 6), 0, 0, 360, (-2.2,), -1)
        cv2.rectangle(level, (middle - half).tolist(), (middle + half).tolist(), (-2.0,), 2, cv2.LINE_AA)
    outlines = lens_outlines(level, [np.asarray(eye, np.float64) for eye in _eyes(mean)], [])
    for middle, outline in zip(middles, outlines, strict=True):
        edges = np.array([outline.min(axis=0), outline.max(axis=0)])
        assert np.abs(edges - np.array([middle - half, middle + half])).max() <= 5  # the brow is 12 high
