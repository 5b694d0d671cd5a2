"""Converts decoded pictures to float R'G'B' code values, with the matrix and range of the file.

swscale does not do the arithmetic. Compared with H.273's formulas in double precision, its 16-bit and float RGB differ
by up to one 8-bit code and are clipped to 0..1. Our float32 planes are within 1e-6 and keep superwhites. swscale only
regroups packed samples into planes, which is exact (``PACKED``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vfxage.errors import ReadError
from vfxage.media.movie.chroma import double
from vfxage.media.movie.tags import Tags
from vfxage.types import F32

if TYPE_CHECKING:
    import av

PACKED: Mapping[str, str] = {
    **dict.fromkeys(("nv12", "nv21"), "yuv420p"),
    **dict.fromkeys(("nv16", "yuyv422", "uyvy422", "yvyu422"), "yuv422p"),
    **dict.fromkeys(("nv24", "nv42", "vuyx", "vyu444"), "yuv444p"),
    **dict.fromkeys(("vuya", "ayuv", "uyva"), "yuva444p"),
    "p010le": "yuv420p10le",
    "p012le": "yuv420p12le",
    "p016le": "yuv420p16le",
    "p210le": "yuv422p10le",
    "p410le": "yuv444p10le",
    "y210le": "yuv422p10le",
    "y212le": "yuv422p12le",
    "xv30le": "yuv444p10le",
    "xv36le": "yuv444p12le",
    "xv48le": "yuv444p16le",
    "ayuv64le": "yuva444p16le",
    **dict.fromkeys(("rgb24", "bgr24", "rgb0", "bgr0", "0rgb", "0bgr"), "gbrp"),
    **dict.fromkeys(("rgba", "bgra", "argb", "abgr", "pal8"), "gbrap"),
    **dict.fromkeys(("rgb48le", "rgb48be", "bgr48le", "bgr48be"), "gbrp16le"),
    **dict.fromkeys(("rgba64le", "rgba64be", "bgra64le", "bgra64be"), "gbrap16le"),
    **dict.fromkeys(("x2rgb10le", "x2bgr10le"), "gbrp10le"),
}
"""Packed pixel formats, each with the planar format that has the same samples."""

_FULL = 2

Samples = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleLayout:
    """How a planar picture stores its samples."""

    kind: str
    """"yuv", "rgb" or "gray"."""
    bits: int
    alpha: bool
    steps: tuple[int, int]
    """log2 of the chroma subsampling, (across, down)."""
    dtype: str

    @property
    def sampling(self) -> str:
        """The chroma subsampling in words: "4:2:0", "RGB", "gray"."""
        if self.kind != "yuv":
            return "RGB" if self.kind == "rgb" else "gray"
        names = {(0, 0): "4:4:4", (1, 0): "4:2:2", (1, 1): "4:2:0", (2, 0): "4:1:1", (0, 1): "4:4:0", (2, 2): "4:1:0"}
        return names.get(self.steps, "subsampled")


def layout_of(form: av.VideoFormat, path: str) -> SampleLayout:
    """Describe a pixel format, a packed one by its planar equivalent. Raises ReadError if vfxage does not read it."""
    name = PACKED.get(form.name, form.name)
    if name != form.name:
        import av

        form = av.VideoFormat(name, form.width, form.height)
    kinds = {"yuv": "yuv", "gbr": "rgb", "gra": "gray"}
    planar = len({part.plane for part in form.components}) == len(form.components)
    bits = max((part.bits for part in form.components), default=0)
    if name[:3] not in kinds or not planar or not 8 <= bits <= 16 or "f" in name[3:]:
        raise ReadError(
            f"has pixel format {form.name}, which vfxage does not read", path=path, fix="convert it to ProRes"
        )
    wide, high = form.chroma_width(1 << 8), form.chroma_height(1 << 8)
    return SampleLayout(
        kind=kinds[name[:3]],
        bits=bits,
        alpha=any(part.is_alpha for part in form.components),
        steps=(8 - (wide.bit_length() - 1), 8 - (high.bit_length() - 1)),
        dtype="u1" if bits == 8 else (">u2" if name.endswith("be") else "<u2"),
    )


def code_values(picture: av.VideoFrame, tags: Tags, path: str, centred: bool) -> tuple[F32, F32 | None]:
    """Return a picture's R'G'B' code values (H, W, 3), nominally 0..1, not clamped, and its alpha (H, W) or None.

    Subsampled chroma sits at the left luma sample of its pair and between its two lines (MPEG-2, H.264 and later), or
    in the centre of its square if ``centred`` (JPEG, MPEG-1). Alpha is always full range.
    """
    layout = layout_of(picture.format, path)
    target = PACKED.get(picture.format.name)
    if target:
        picture = picture.reformat(
            format=target, src_colorspace=1, dst_colorspace=1, src_color_range=_FULL, dst_color_range=_FULL
        )
    planes = [_samples(picture, index, layout.dtype) for index in range(len(picture.planes))]
    top = float((1 << layout.bits) - 1)
    alpha = np.asarray(planes.pop() * np.float32(1 / top), np.float32) if layout.alpha else None
    if layout.kind == "yuv":
        return _from_luma_chroma(planes, layout, tags, path, centred), alpha
    offset, span = _range(layout.bits, tags.full_range)
    scale = np.float32(1.0 / span)
    bias = np.float32(-offset / span)
    if layout.kind == "gray":
        return np.asarray(cv2.merge([planes[0].astype(np.float32) * scale + bias] * 3)), alpha
    green, blue, red = (plane.astype(np.float32) for plane in planes)
    return np.asarray(cv2.merge([red, green, blue]) * scale + bias, np.float32), alpha


def _samples(picture: av.VideoFrame, index: int, dtype: str) -> Samples:
    plane = picture.planes[index]
    stride = plane.line_size
    samples: Samples = np.frombuffer(memoryview(plane), np.dtype(dtype))
    rows: Samples = samples.reshape(plane.height, -1)[:, : plane.width]
    return rows[::-1] if stride < 0 else rows  # a bottom-up picture (AVI) has a negative stride


def _range(bits: int, full: bool) -> tuple[float, float]:
    """(black, white - black) of luma and RGB codes, from H.273 equations 20 to 37."""
    return (0.0, float((1 << bits) - 1)) if full else (float(16 << (bits - 8)), float(219 << (bits - 8)))


def rgb_from_codes(tags: Tags, bits: int, path: str) -> NDArray[np.float64]:
    """(3, 4) affine matrix from stored (Y, Cb, Cr) integers to R'G'B', nominally 0..1."""
    offset, span = _range(bits, tags.full_range)
    chroma = span if tags.full_range else float(224 << (bits - 8))
    middle = float(1 << (bits - 1))
    if tags.matrix == 8:  # YCgCo: R = Y - Cg + Co, G = Y + Cg, B = Y - Cg - Co
        matrix = np.array([[1.0, -1.0, 1.0], [1.0, 1.0, 0.0], [1.0, -1.0, -1.0]])
    else:
        kr, kb = tags.weights(path)
        kg = 1.0 - kr - kb
        red, blue = 2.0 * (1.0 - kr), 2.0 * (1.0 - kb)
        matrix = np.array([[1.0, 0.0, red], [1.0, -kb * blue / kg, -kr * red / kg], [1.0, blue, 0.0]])
    matrix = matrix / np.array([span, chroma, chroma])
    return np.column_stack([matrix, -matrix @ np.array([offset, middle, middle])])


def _from_luma_chroma(planes: list[Samples], layout: SampleLayout, tags: Tags, path: str, centred: bool) -> F32:
    luma = planes[0].astype(np.float32)
    height, width = luma.shape
    across, down = layout.steps
    parts = [luma]
    for plane in planes[1:]:
        chroma = plane.astype(np.float32)
        for _ in range(down):
            chroma = double(chroma, 0, centred=True)
        for _ in range(across):
            chroma = double(chroma, 1, centred=centred)
        parts.append(chroma[:height, :width])
    matrix = rgb_from_codes(tags, layout.bits, path)
    return np.asarray(cv2.transform(cv2.merge(parts), matrix), np.float32)


def orient(image: F32, matrix: tuple[int, ...] | None) -> F32:
    """Rotate and mirror an image by a display matrix (9 integers, ISO/IEC 14496-12) of right angles."""
    if matrix is None:
        return image
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    if turns_sideways(matrix):
        image = np.swapaxes(image, 0, 1)
        across, down = c, b
    else:
        across, down = a, d
    if across < 0:
        image = image[:, ::-1]
    if down < 0:
        image = image[::-1]
    return np.ascontiguousarray(image)


def turns_sideways(matrix: tuple[int, ...] | None) -> bool:
    """Whether a display matrix swaps width and height."""
    return matrix is not None and matrix[0] == 0 and matrix[4] == 0


def right_angled(matrix: tuple[int, ...]) -> bool:
    """Whether a display matrix contains only quarter turns and mirroring."""
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    return (a == d == 0 and b != 0 and c != 0) or (b == c == 0 and a != 0 and d != 0)
