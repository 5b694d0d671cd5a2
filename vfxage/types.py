"""The data that flows from stage to stage: frozen, validated, described field by field.

Array law: images are channel-last, C-contiguous float32 and read-only once they are in one of these (``arrays.py``).
Points are (x, y) in pixels, origin at the top left corner of the *display window*, pixel centres at +0.5. ``Frame.rgb``
covers the frame's *data window*: pixel ``rgb[j, i]`` has its centre at ``(window.x + i + 0.5, window.y + j + 0.5)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vfxage.arrays import ANY_SHAPE, ArrayData, check_arrays, shaped
from vfxage.face.look import NORMAL, UNKNOWN, Look, Traits, Wish

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

Pass = Literal["beauty", "delta", "matte", "regions", "plate", "delta_raw", "matte_hair", "uv", "crop"]
"""The passes that an output can hold."""

POINTS = 478
"""Landmarks of one face: MediaPipe FaceMesh with attention (468 mesh points and 10 iris points)."""
HAND_POINTS = 21
"""Landmarks of one hand (Zhang et al. 2020): the wrist, then four of each finger from root to tip, the thumb first."""

FramingName = Literal["ffhq", "wide", "bust", "arcface", "chip"]
Study = Mapping[str, F32]
"""An ager's measurements of one face for the whole shot: named float32 arrays that only this ager reads."""
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def _check_ascending(numbers: NDArray[np.int32]) -> None:
    if numbers.size == 0 or np.any(np.diff(numbers) <= 0):
        raise ValueError("numbers must be strictly ascending and not empty")


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of pixels: ``x <= i < x + width``, in display-window pixels; ``x`` and ``y`` may be negative."""

    x: int
    y: int
    width: int
    height: int

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width), as numpy wants it."""
        return self.height, self.width

    @property
    def empty(self) -> bool:
        """Whether it holds no pixel."""
        return self.width <= 0 or self.height <= 0

    def intersect(self, other: Window) -> Window:
        """The pixels in both; width or height is 0 where there are none."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        right = min(self.x + self.width, other.x + other.width)
        bottom = min(self.y + self.height, other.y + other.height)
        return Window(x, y, max(0, right - x), max(0, bottom - y))

    def slices(self, inside: Window) -> tuple[slice, slice]:
        """Index of this window's pixels in an array that covers ``inside`` (which must contain it)."""
        j, i = self.y - inside.y, self.x - inside.x
        return slice(j, j + self.height), slice(i, i + self.width)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SourceTags(ArrayData):
    """Metadata of a plate's file, for the writers of outputs."""

    format: Literal["", "exr", "dpx", "tiff", "png", "jpeg", "movie"] = ""
    """Empty for a frame without a file of its own, as a filled one."""
    attributes: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    """EXR, TIFF, PNG and JPEG: attributes of the header. Opaque: a writer of the same format copies them through."""
    channels: Mapping[str, NDArray[Any]] = field(
        default_factory=lambda: _NOTHING,
        metadata=shaped(None, None, dtype=(np.float16, np.float32, np.uint32)),
    )
    """EXR: the channels (H, W) beside the picture, bit for bit, if outputs pass them through; empty arrays in a clip's
    own tags. Opaque in the same way."""
    raw: bytes = b""
    """DPX: the header as it lies in the file. Opaque in the same way."""
    profile: bytes = b""
    """The ICC profile of a still, as embedded."""
    depth: Literal[8, 10, 12, 16, "float"] | None = None
    """Bits of a stored sample. Stills only."""
    timecode: str | None = None
    """Timecode in this frame's own header. Stills only."""
    cicp: tuple[int, int, int] | None = None
    """H.273 numbers of primaries, transfer and matrix. Movies only, as all that follows but the pixel aspect."""
    chromaticities: tuple[float, ...] | None = None
    """rx ry gx gy bx by wx wy of the file's own primaries."""
    pixel_aspect: Fraction | None = None
    """The exact width of a pixel over its height."""
    start: Fraction = Fraction(0)
    times: tuple[Fraction, ...] = ()
    """Seconds at which the first frame starts; where the rate varies, ``times`` are those of each frame."""
    field_order: Literal["top", "bottom"] | None = None
    """The field that is shown first; None for a progressive movie."""
    fingerprint: str | None = None
    """Stamp of a movie that vfxage wrote."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ClipInfo(ArrayData):
    """Description of a plate before a pixel is read."""

    path: str
    """The movie, or the sequence's pattern, absolute."""
    kind: Literal["movie", "sequence"]
    width: int
    """Width of the display window, pixels (after rotation and mirror flags)."""
    height: int
    first: int
    """The plate's own frame numbers, inclusive."""
    last: int
    present: tuple[int, ...] | None = None
    """Numbers for which a sequence has a file, ascending; None where a movie has every one from first to last."""
    rate: Fraction | None = None
    """Frames per second, exact; None where the file does not say."""
    variable_rate: bool = False
    """A movie whose frames do not last equally long: each keeps its own number."""
    pixel_aspect: float = 1.0
    display_origin: tuple[int, int] = (0, 0)
    """Top left corner of the display window in the file's coordinates (EXR only)."""
    data_window: Window | None = None
    """Data window of the first frame, relative to the display window; None means the display window."""
    colorspace: str | None = None
    """OpenColorIO name of the code values as the file names them; None where it does not."""
    depth: str = ""
    """Sample format for people and writers: "half", "float", "8-bit 4:2:0 video range"."""
    alpha: bool = False
    straight_alpha: bool = False
    """Whether a sequence's R, G and B are not multiplied by its alpha, as in a PNG (those of an EXR are)."""
    timecode: str | None = None
    """Timecode of the first frame, "HH:MM:SS:FF" or "HH:MM:SS;FF"."""
    audio: bool = False
    notes: tuple[str, ...] = ()
    """Notes for the user: assumed tags, variable rate, applied rotation."""
    tags: SourceTags = SourceTags()
    """Metadata of the movie, or of a sequence's first frame."""

    @property
    def holes(self) -> int:
        """How many numbers between first and last have no file."""
        return 0 if self.present is None else self.last - self.first + 1 - len(self.present)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Frame(ArrayData):
    """One plate frame, scene-linear in the plate's own primaries, unclamped."""

    number: int
    window: Window
    """The data window that ``rgb`` covers."""
    rgb: F32 = field(metadata=shaped("H", "W", 3))
    """(H, W, 3) scene-linear; NaN, Inf, negatives and highlights as in the plate."""
    alpha: F32 | None = field(default=None, metadata=shaped("H", "W"))
    """(H, W), untouched by vfxage."""
    native: NDArray[np.float16 | np.float32 | np.uint8 | np.uint16] | None = field(
        default=None, metadata=shaped("H", "W", 3, dtype=(np.float16, np.float32, np.uint8, np.uint16))
    )
    """(H, W, 3): the plate's samples as stored: half or float of a linear EXR or a TIFF, integer codes of a still (0 to
    ``2 ** bits - 1``). None for a movie. A like writer (format, depth, space) writes them where the matte is 0."""
    tags: SourceTags = SourceTags()
    """Metadata of this frame's own header; empty for a movie's frames."""
    missing: str = ""
    """How a missing frame was filled: "black", or "hold 1004"; empty for the plate's own frames."""

    def __post_init__(self) -> None:
        check_arrays(self, H=self.window.height, W=self.window.width)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FaceTrack(ArrayData):
    """The smoothed landmarks of one person's face over the shot, one row per frame that shows it."""

    face: int
    """Identity within the shot, from 0, stable for the same plate and settings."""
    numbers: NDArray[np.int32] = field(metadata=shaped("T", dtype=np.int32))
    """(T,) plate frame numbers, strictly ascending; a gap is longer than what was bridged."""
    points: F32 = field(metadata=shaped("T", POINTS, 2))
    """(T, 478, 2) smoothed landmarks, anchored to the skin, display-window pixels."""
    neck: F32 = field(metadata=shaped("T", None, 2))
    """(T, 34, 2) nodes of the neck (``geometry.NECK_RINGS``), carried by its skin, display-window pixels."""
    confidence: F32 = field(metadata=shaped("T"))
    """(T,) 0..1, of the detection; 0 where the frame was bridged."""
    presence: F32 = field(metadata=shaped("T"))
    """(T,) 0..1 weight of the effect: ramps where the face comes and goes inside a take, 1 at cuts and shot ends."""
    yaw: F32 = field(metadata=shaped("T"))
    """(T,) degrees, positive when the face looks towards the picture's right."""

    def __post_init__(self) -> None:
        check_arrays(self)
        _check_ascending(self.numbers)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class HandTrack(ArrayData):
    """The smoothed landmarks of a hand near a face, one row per frame on which it is cut out of mattes."""

    numbers: NDArray[np.int32] = field(metadata=shaped("T", dtype=np.int32))
    """(T,) plate frame numbers, strictly ascending."""
    points: F32 = field(metadata=shaped("T", HAND_POINTS, 2))
    """(T, 21, 2) landmarks, display-window pixels."""
    motion: F32 = field(metadata=shaped("T", HAND_POINTS, 2))
    """(T, 21, 2) their motion, display-window pixels a frame."""
    size: F32 = field(metadata=shaped("T"))
    """(T,) length of the palm, wrist to middle finger's root, in heights of a pixel."""
    presence: F32 = field(metadata=shaped("T"))
    """(T,) 0..1 weight: ramps where the hand comes and goes inside a take."""

    def __post_init__(self) -> None:
        check_arrays(self)
        _check_ascending(self.numbers)
        for name in ("points", "motion", "size", "presence"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{name} must be finite")
        if self.size.min() <= 0:
            raise ValueError("size must be above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """How a network wants a face framed: a similarity of the face's rigid landmarks to a unit square."""

    name: FramingName
    """Face about half the height, face_reaging's box, with the neck, ArcFace's template, a chip (geometry.py)."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FaceCrop(ArrayData):
    """One face of one frame in its stabilised square: the input of an ager."""

    face: int
    name: str
    """The face's name in the shot ("lead"), or "face0"."""
    rgb: F32 = field(metadata=shaped("S", "S", 3))
    """(S, S, 3) display-referred sRGB, 0..1."""
    points: F32 = field(metadata=shaped(POINTS, 2))
    """(478, 2) crop pixels."""
    matte: F32 = field(metadata=shaped("S", "S"))
    """(S, S) 0..1, exactly 0 on its border and outside the feather."""
    to_frame: F64 = field(metadata=shaped(2, 3, dtype=np.float64))
    """(2, 3) similarity: crop pixels to display-window pixels (continuous coordinates, centres at +0.5)."""
    ages: tuple[float, float]
    """(source, target) years on this frame."""
    intensity: float
    """Multiplies the step; includes the track's presence."""
    neck: F32 | None = field(default=None, metadata=shaped(None, 2))
    """(34, 2) nodes of the neck, crop pixels; None where they are placed from ``points`` alone."""
    exposure: float = 0.0
    """Stops by which the plate's light was raised for ``rgb``; the step belongs to the raised light."""
    gain: F32 | None = field(default=None, metadata=shaped("S", "S"))
    """(S, S) multiplies the step where regions of the face differ; None is 1 everywhere."""
    others: tuple[tuple[Wish, F32], ...] = field(default=(), metadata=shaped("S", "S"))
    """What regions want instead, each with its weight (S, S) 0..1; the rest has ``ages`` and ``look``."""
    look: Look = NORMAL
    """How much of each part of the change is wanted; only ``Ager.steerable`` ones obey it and the traits."""
    traits: Traits = UNKNOWN
    study: Study = field(default_factory=dict, metadata=ANY_SHAPE)
    """The ager's measurements of this face for the whole shot (``Ager.study``); empty for most agers."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FaceDelta(ArrayData):
    """An ager's step for one crop."""

    crop: FaceCrop
    step: F32 = field(metadata=shaped("S", "S", 3))
    """(S, S, 3) encoded sRGB difference (aged minus plate), before matte and intensity."""
    hair: F32 | None = field(default=None, metadata=shaped("S", "S"))
    """(S, S) 0..1, the hair of the head, where an output wants it; 0 on the crop's border."""

    def __post_init__(self) -> None:
        check_arrays(self, S=self.crop.rgb.shape[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameCrops:
    """A frame and the crops of its faces; empty if there is no face."""

    frame: Frame
    crops: tuple[FaceCrop, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameDeltas:
    """A frame and the ager's step for each face."""

    frame: Frame
    deltas: tuple[FaceDelta, ...]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FaceLayer(ArrayData):
    """One face's share of a render, inside its bounding box; the shares add up to the whole."""

    name: str
    window: Window
    """Bounding box, inside the frame's data window."""
    delta: F32 = field(metadata=shaped("H", "W", 3))
    """(h, w, 3) linear, already multiplied by the matte."""
    matte: F32 = field(metadata=shaped("H", "W"))
    """(h, w) 0..1."""
    raw: F32 | None = field(default=None, metadata=shaped("H", "W", 3))
    """(h, w, 3) the delta before its matte, where it was asked for."""
    regions: Mapping[str, F32] = field(default_factory=dict, metadata=shaped("H", "W"))
    """(h, w) 0..1 by region: how much of the matte is this region's, where they were asked for."""

    def __post_init__(self) -> None:
        check_arrays(self, H=self.window.height, W=self.window.width)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class HairLayer(ArrayData):
    """The hair matte of one face, inside its bounding box; the shares add up to at most 1, to rounding."""

    name: str
    window: Window
    """Bounding box, inside the frame's data window."""
    matte: F32 = field(metadata=shaped("H", "W"))
    """(h, w) 0..1."""

    def __post_init__(self) -> None:
        check_arrays(self, H=self.window.height, W=self.window.width)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CropPicture(ArrayData):
    """A face in its stabilised square, as it goes to an artist."""

    plate: F32 = field(metadata=shaped("S", "S", 3))
    """(S, S, 3) scene-linear, plate primaries, unclamped."""
    delta: F32 = field(metadata=shaped("S", "S", 3))
    """(S, S, 3) linear, already multiplied by the matte."""
    matte: F32 = field(metadata=shaped("S", "S"))
    """(S, S) 0..1."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FacePlace(ArrayData):
    """The place of one face's crop on a frame."""

    name: str
    to_frame: F64 = field(metadata=shaped(2, 3, dtype=np.float64))
    """(2, 3) crop pixels to display-window pixels (continuous coordinates, centres at +0.5)."""
    size: int
    """Side of the crop, pixels."""
    picture: CropPicture | None = None
    """The crop pass; None unless an output wants it."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Render(ArrayData):
    """One finished frame: ``beauty == plate + delta`` in float32, ``beauty`` *is* the plate where ``matte`` is 0."""

    frame: Frame
    """The plate frame: number, data window, alpha, native samples, header."""
    beauty: F32 = field(metadata=shaped("H", "W", 3))
    """(H, W, 3) scene-linear, plate primaries, over ``frame.window``."""
    delta: F32 = field(metadata=shaped("H", "W", 3))
    """(H, W, 3) linear, already multiplied by the matte."""
    matte: F32 = field(metadata=shaped("H", "W"))
    """(H, W) 0..1, the sum over faces, never past 1."""
    layers: tuple[FaceLayer, ...] = ()
    """Per face, on this frame."""
    raw: F32 | None = field(default=None, metadata=shaped("H", "W", 3))
    """(H, W, 3) the delta before the matte, where it was asked for: ``delta == matte * raw`` to rounding."""
    hair: tuple[HairLayer, ...] = ()
    """Hair by face, where it was asked for."""
    faces: tuple[FacePlace, ...] = ()
    """The places of this frame's crops, in the shot's order."""

    def __post_init__(self) -> None:
        check_arrays(self, H=self.frame.window.height, W=self.frame.window.width)

    @property
    def number(self) -> int:
        """The plate's frame number."""
        return self.frame.number
