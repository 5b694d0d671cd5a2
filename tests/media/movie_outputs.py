"""Renders for the tests to write as movies, and what such a movie holds by PyAV and a formula alone."""

import dataclasses
from fractions import Fraction

import numpy as np

from tests.media.movies import decoded, planes_of, rgb_codes
from vfxage.media.base import Destination
from vfxage.media.movie import MovieWriter
from vfxage.types import ClipInfo, Frame, Render, SourceTags, Window

DISPLAY = "Rec.1886 Rec.709 - Display"
HEIGHT, WIDTH = 96, 128


def clip(**changes):
    info = ClipInfo(
        path="/plate.mov",
        kind="movie",
        width=WIDTH,
        height=HEIGHT,
        first=1001,
        last=1100,
        rate=Fraction(24000, 1001),
        colorspace=DISPLAY,
        tags=SourceTags(format="movie", cicp=(1, 1, 1)),
    )
    return dataclasses.replace(info, **changes)


def destination(path, codec="prores_hq", passes=("beauty",), numbers=(1001, 1002, 1003), **changes):
    fields = {
        "path": str(path),
        "passes": passes,
        "codec": codec,
        "clip": clip(),
        "colorspace": DISPLAY,
        "numbers": numbers,
        "stamps": {number: f"stamp {number}" for number in numbers},
    }
    return Destination(**(fields | changes))


def scene(number):
    """A soft coloured picture in code values, changing from frame to frame."""
    x, y = np.meshgrid(np.linspace(0, 1, WIDTH), np.linspace(0, 1, HEIGHT))
    red = 0.2 + 0.5 * x
    green = 0.3 + 0.4 * y + 0.05 * np.sin(6 * x + number)
    return np.stack([red, green, 0.25 + 0.4 * (1 - x) * y], axis=-1).astype(np.float32)


def render(number, beauty=None, delta=None, matte=None, alpha=None):
    beauty = scene(number) ** np.float32(2.4) if beauty is None else beauty
    size = beauty.shape[:2]
    frame = Frame(number=number, window=Window(0, 0, size[1], size[0]), rgb=beauty, alpha=alpha)
    zero = np.zeros_like(beauty)
    matte = np.zeros(size, np.float32) if matte is None else matte
    return Render(frame=frame, beauty=beauty, delta=zero if delta is None else delta, matte=matte)


def written(where, renders=None):
    with MovieWriter(where) as writer:
        for item in renders or [render(number) for number in where.numbers]:
            writer.write(item)
    return where.path


def codes(path, bits, matrix=1):
    """R'G'B' of every frame by the formula; subsampled chroma is repeated."""
    result = []
    for frame in decoded(path):
        luma, *chroma = planes_of(frame)[:3]
        across, down = luma.shape[1] // chroma[0].shape[1], luma.shape[0] // chroma[0].shape[0]
        wide = [np.repeat(np.repeat(plane, down, axis=0), across, axis=1) for plane in chroma]
        result.append(rgb_codes(luma, *wide, bits=bits, matrix=matrix, full_range=False))
    return result


def psnr(a, b):
    return -10 * np.log10(np.mean((np.asarray(a, np.float64) - b) ** 2))
