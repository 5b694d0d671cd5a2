"""Cuts: every one on its frame, and none inside a take."""

import cv2
import numpy as np
import pytest

from tests.face.track.shots import decode, light_of
from vfxage.face.track.canvas import Picture
from vfxage.face.track.cuts import Shown, mark_cuts


def cuts(pictures) -> list[int]:
    pictures = (Picture(light_of(picture.astype(np.float32) / 255)) for picture in pictures)
    shown = (Shown(number=n, picture=picture, cut=False) for n, picture in enumerate(pictures))
    marked = list(mark_cuts(shown))
    assert [item.number for item in marked] == list(range(len(marked)))
    return [item.number for item in marked if item.cut]


def test_cuts_of_a_street_montage(clips):
    """The clip plots other people's cut detectors in its right half: these are their spikes."""
    assert cuts(decode(clips / "no_face_scene_cuts.mp4")) == [30, 76, 137, 187, 242]


@pytest.mark.parametrize("name", ["foreman_cif_face_leaves.264", "turn_720p.264", "intel_asl_hungry.mkv"])
def test_a_single_take_has_no_cut(clips, name):
    assert cuts(decode(clips / name)) == []


def scene(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.clip(cv2.resize(rng.normal(120, 60, (24, 60, 3)), (1200, 480), interpolation=cv2.INTER_CUBIC), 0, 255)


def test_flashes_fades_and_pans_are_no_cuts():
    street = scene(1)
    pan = [street[:240, 40 * n : 40 * n + 400] for n in range(20)]
    flash = [street[:240, :400] * (1 if n not in (6, 7) else 0.3) + (0 if n not in (6, 7) else 170) for n in range(16)]
    fade = [street[:240, :400] * (1 - n / 15) for n in range(15)]
    for pictures in (pan, flash, fade):
        assert cuts([picture.astype(np.uint8) for picture in pictures]) == []


def test_a_cut_is_on_its_frame_even_near_the_ends():
    one, other = scene(1)[:240, :400].astype(np.uint8), scene(2)[:240, :400].astype(np.uint8)
    for count, cut in [(12, 5), (4, 1), (4, 3), (2, 1)]:
        assert cuts([one] * cut + [other] * (count - cut)) == [cut]


def head_shot(seed: int, shift: int = 0) -> np.ndarray:
    """A head and shoulders of random texture before a green screen."""
    picture = np.full((270, 480, 3), (40, 170, 60), np.float32)
    texture = np.clip(cv2.resize(np.random.default_rng(seed).normal(120, 70, (14, 14, 3)), (200, 200)), 0, 255)
    mask = np.zeros((270, 480), np.uint8)
    cv2.ellipse(mask, (240 + shift, 130), (62, 85), 0, 0, 360, 255, -1)
    cv2.ellipse(mask, (240 + shift, 290), (100, 80), 0, 180, 360, 255, -1)
    placed = np.zeros_like(picture)
    placed[45:245, 140 + shift : 340 + shift] = texture
    placed[245:] = placed[244:245]
    return np.where(mask[..., None] > 0, placed, picture).astype(np.uint8)


def test_two_takes_before_one_green_screen_are_a_cut():
    takes = [head_shot(1, n) for n in range(8)] + [head_shot(2, n) for n in range(8)]
    assert cuts(takes) == [8]


def test_a_fast_move_before_a_green_screen_is_no_cut():
    assert cuts([head_shot(1, 12 * abs(6 - n)) for n in range(13)]) == []
    flash = [np.clip(head_shot(3, n).astype(float) * 3 + 40, 0, 255).astype(np.uint8) for n in (5, 6)]
    assert cuts([head_shot(3, n) for n in range(5)] + flash + [head_shot(3, n) for n in range(7, 14)]) == []
