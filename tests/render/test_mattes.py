"""Drawn mattes meet the frame whose number they carry, or the render stops."""

from __future__ import annotations

import numpy as np
import pytest

from vfxage.comp.stencils import ArtistMattes
from vfxage.render.pipeline import with_mattes
from vfxage.types import Frame, FrameDeltas, Window


def frames(*numbers: int) -> list[FrameDeltas]:
    black = np.zeros((2, 2, 3), np.float32)
    return [FrameDeltas(frame=Frame(number=n, window=Window(0, 0, 2, 2), rgb=black), deltas=()) for n in numbers]


def mattes(*numbers: int) -> list[ArtistMattes]:
    return [ArtistMattes(number=number) for number in numbers]


def test_frames_without_mattes_are_the_filters_pre_roll_and_are_left_out() -> None:
    paired = list(with_mattes(frames(1, 2, 3, 5, 6), mattes(2, 5)))
    assert [(item.frame.number, drawn.number) for item, drawn in paired] == [(2, 2), (5, 5)]


@pytest.mark.parametrize(("plate", "drawn", "first"), [((1, 2, 4), (2, 3, 4), 3), ((1, 2), (2, 1), 1), ((1,), (0,), 0)])
def test_a_matte_is_never_shifted_to_another_frame(plate: tuple[int, ...], drawn: tuple[int, ...], first: int) -> None:
    with pytest.raises(ValueError, match=f"mattes of frame {first} came without that frame"):
        list(with_mattes(frames(*plate), mattes(*drawn)))
