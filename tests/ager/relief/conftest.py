"""The ager under test, loaded once, and a real frame for it."""

import av
import numpy as np
import pytest

from vfxage.ager import load_ager
from vfxage.face.detect import FaceFinder
from vfxage.lab.portraits import Portrait, crop_portrait


@pytest.fixture(scope="session")
def ager():
    return load_ager("relief")


@pytest.fixture(scope="session")
def spectacled(clips, ager):
    """A crop of a real frame, 35 to 70 years: a man with spectacles and stubble, lit from a side."""
    path = clips / "androidx_sample.mp4"
    with av.open(str(path)) as movie:
        frame = np.asarray(next(movie.decode(video=0)).to_ndarray(format="rgb24"), np.uint8)
    with FaceFinder() as finder:
        points = np.ascontiguousarray(finder.find(frame)[0].points, np.float32)
    portrait = Portrait(path=path, person="him", age=35.0, size=(frame.shape[1], frame.shape[0]), points=points)
    return crop_portrait(portrait, ager.framing, 512, (35.0, 70.0), frame.astype(np.float32) / 255)
