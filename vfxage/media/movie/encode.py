"""Converts R'G'B' code values to the pictures that an encoder takes, with a given matrix, in video range."""

from __future__ import annotations

from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vfxage.media.movie.chroma import halve
from vfxage.media.movie.codecs import CodecSpec
from vfxage.media.movie.decode import rgb_from_codes
from vfxage.media.movie.tags import Tags
from vfxage.types import F32

Samples = NDArray[np.unsignedinteger[Any]]


def encode_picture(code: F32, alpha: F32 | None, form: CodecSpec, tags: Tags) -> av.VideoFrame:
    """Make a picture for codec ``form`` from R'G'B' code values (H, W, 3), nominally 0..1, and an alpha (H, W).

    Values outside 0..1 are kept as far as video range allows (1..254 in 8 bits). Rounds to nearest; NaN becomes black.
    Chroma lies at the left luma sample and, if two lines share it, between them.
    """
    width, height = frame_size(form, code.shape[1], code.shape[0])
    if (height, width) != code.shape[:2]:
        code = np.pad(code, ((0, height - code.shape[0]), (0, width - code.shape[1]), (0, 0)), mode="edge")
    code = np.clip(np.nan_to_num(code, nan=0.0), -2.0, 3.0)
    planes: list[F32] = list(cv2.split(cv2.transform(code, codes_from_rgb(tags, form.bits))))  # type: ignore[arg-type]
    across, down = form.steps
    for index in (1, 2):
        for _ in range(down):
            planes[index] = halve(planes[index], 0, centred=True)
        for _ in range(across):
            planes[index] = halve(planes[index], 1, centred=False)
    margin = 1 << (form.bits - 8)
    top = (1 << form.bits) - 1
    samples = [_rounded(plane, margin, top - margin) for plane in planes]
    if alpha is not None:
        samples.append(_rounded(np.nan_to_num(alpha, nan=0.0) * np.float32(top), 0, top))
    return _picture(samples, width, height, form.pixel_format(alpha is not None))


def codes_from_rgb(tags: Tags, bits: int) -> NDArray[np.float64]:
    """(3, 4) affine matrix from R'G'B' to stored (Y, Cb, Cr); the inverse of ``rgb_from_codes``."""
    to_rgb = np.vstack([rgb_from_codes(tags, bits, ""), [0.0, 0.0, 0.0, 1.0]])
    return np.asarray(np.linalg.inv(to_rgb)[:3])


def frame_size(form: CodecSpec, width: int, height: int) -> tuple[int, int]:
    """Size of the encoded pictures. 4:2:0 needs even sides, so the last line or column of an odd side is repeated."""
    odd = form.steps == (1, 1)
    return (width + width % 2, height + height % 2) if odd else (width, height)


def _rounded(plane: F32, low: int, high: int) -> Samples:
    clipped = np.clip(np.rint(plane), low, high)
    return clipped.astype(np.uint8 if high < 256 else np.uint16)


def _picture(samples: list[Samples], width: int, height: int, pixel_format: str) -> av.VideoFrame:
    picture = av.VideoFrame(width, height, pixel_format)
    for plane, values in zip(picture.planes, samples, strict=True):
        stride = plane.line_size // values.itemsize
        target = np.frombuffer(memoryview(plane), values.dtype).reshape(-1, stride)
        target[: values.shape[0], : values.shape[1]] = values
    return picture
