"""The models of a shot file: every key, its limits and its default."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    PlainValidator,
    PrivateAttr,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from vfxage.errors import ShotError
from vfxage.frames import FrameRange
from vfxage.shot.document import shown
from vfxage.shot.keyed import Age, Intensity, Keyed, number_or_auto
from vfxage.shot.look import STEERING, Answer, Gentle, LookKeys, References, Seed, Temples
from vfxage.shot.numbers import not_padded
from vfxage.shot.outputs import Output
from vfxage.shot.part import FaceName, Part
from vfxage.shot.paths import AS_WRITTEN, FilePath, IsPath, WrittenPath, file_path
from vfxage.shot.regions import Regions

MODELS = ("builtin", "relief", "small", "bands")
"""Models that ship with vfxage; any other model is the path of a checkpoint."""
STEERABLE = ("builtin", "relief")
"""Models that obey ``look``, ``gentle``, ``glasses``, ``beard``, ``temples`` and ``seed``, and that find hair."""


def _frames(value: object) -> FrameRange:
    if isinstance(value, FrameRange):
        return value
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError('must be frames; write them as "1001-1050x2 1060"')
    try:
        return FrameRange.parse(str(value))
    except ShotError as error:
        raise ValueError(f"is wrong: {error}") from error


def frame_rate(value: object) -> Fraction:
    """Read frames per second: 24, 23.976 (which means 24000/1001), or "24000/1001".

    Raises ValueError, in words for the user, for anything else.
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, str) and (match := re.fullmatch(r"([0-9]{1,7})/([0-9]{1,7})", value)) and int(match[2]):
        rate = Fraction(int(match[1]), int(match[2]))
    elif isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e6:
        nominal = round(value * 1.001)
        drop = Fraction(nominal * 1000, 1001)
        near = isinstance(value, float) and not value.is_integer() and abs(float(drop) - value) < 0.005
        rate = drop if near else Fraction(str(value))
    else:
        raise ValueError('must be frames per second; write, for example, 24, 23.976 or "24000/1001"')
    if not 1 <= rate <= 1000:
        raise ValueError(f"is {value}; make it 1 to 1000 frames per second")
    return rate


def _model(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"is {shown(value)}; write {', '.join(MODELS)}, or the path of a checkpoint")
    if value in MODELS:
        return value
    if not Path(value).suffix and "/" not in value:
        near = difflib.get_close_matches(value, MODELS, n=1) or MODELS
        raise ValueError(
            f'is "{value}"; write {" or ".join(near)}, or the path of a checkpoint (.safetensors, .pth, .pt, .onnx)'
        )
    return file_path(value, info)


BUILTIN_CONFIG = re.compile(r"(cg|studio)-config-v[0-9.]+_aces-v[0-9.]+_ocio-v[0-9.]+")
"""The names of OpenColorIO's built-in configs."""
EXAMPLE_CONFIG = "ocio://studio-config-v4.0.0_aces-v2.0_ocio-v2.5"
"""One of them, as a shot file writes it."""


def _colour_config(value: object, info: ValidationInfo) -> str:
    """The path of a config, or the URI of a built-in one, which may be written with or without its ocio://."""
    if isinstance(value, str) and BUILTIN_CONFIG.fullmatch(value):
        return f"ocio://{value}"
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"is {shown(value)}; write the path of a config, or a built-in one such as {EXAMPLE_CONFIG}")
    return file_path(value, info)


DeltaFrom = Literal["reconstruction", "plate"]

Frames = Annotated[
    FrameRange,
    PlainValidator(_frames),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": ["string", "integer"]}),
]
Rate = Annotated[
    Fraction,
    PlainValidator(frame_rate),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 1, "maximum": 1000},
                {"type": "string", "pattern": "^[0-9]{1,7}/[0-9]{1,7}$"},
            ]
        }
    ),
]


class PointSelect(Part):
    """The face nearest to a point on one frame."""

    frame: int
    """Plate frame number."""
    point: tuple[float, float]
    """(x, y) pixels from the top left corner of the picture."""


EXAMPLE_POINT = "{frame: 1001, point: [640, 300]}"
"""A point as a shot file writes it, for messages."""


def _select_kind(value: object) -> str:
    return "point" if isinstance(value, dict | PointSelect) else "word"


Select = Annotated[
    Annotated[Literal["all", "largest", "left", "right"], Tag("word")] | Annotated[PointSelect, Tag("point")],
    Discriminator(_select_kind),
]


class Roto(Part):
    """Mattes drawn by an artist; they are multiplied into the matte of the face."""

    file: FilePath | None = None
    """A roto with the size of the plate, moving or still. Its alpha (luminance if none) multiplies the matte."""
    hold_out: FilePath | None = None
    """A roto of what stays unchanged in front of the face: the matte is multiplied by 1 minus this roto."""


class Face(Part):
    """One face, or all faces, and their change. Ages that are left out come from the top level."""

    name: FaceName | None = None
    """Name in its layers (delta_<name>, matte_<name>): a letter, then letters, digits and underscores."""
    select: Select = "all"
    """Which face: all, largest, left, right (in the picture), or {frame: 1001, point: [640, 300]}."""
    source_age: Age
    """Age of the actor in the plate, years 0 to 120: a number, or keyframes {frame: age}."""
    target_age: Age
    """Age after the change, years 0 to 120: a number, or keyframes {frame: age}."""
    intensity: Intensity = Keyed.of(1.0)
    """Multiplies the change, 0 to 4: a number, or keyframes {frame: value}."""
    regions: Regions = Regions()
    """Regions of this face with their own age, intensity or look. Regions that are left out come from the top level."""
    look: LookKeys = LookKeys()
    """How much of each part of the change: numbers from 0 to 2, or keyframes.

    Parts that are left out come from the top level.
    """
    gentle: Gentle = "auto"
    """How gently skin is made older, 0 to 1: 1 has soft folds without hard creases. auto: measured on the skin."""
    glasses: Answer = "auto"
    """Whether the face wears spectacles: auto, yes or no. Nothing is printed on their rims."""
    beard: Answer = "auto"
    """Whether the face has a beard: auto, yes or no. A beard greys, and nothing is printed on it."""
    temples: Temples = 0.0
    """How far the hairline of an older man goes back, 0 to 2: 1 is usual, 0 leaves it."""
    seed: Seed | None = None
    """Chooses the face's lines, spots and grey strands. Default: the face's name chooses them."""
    references: References = ()
    """Photographs of the same person by age, which steer how much of folds, lines and grey hair comes."""
    donor: FilePath | None = None
    """Folder of photographs of any people, from whose skin an older face takes pores and fine lines."""
    matte: Roto = Roto()
    """Rotos for this face only, in addition to those of the shot."""

    def keyed(self) -> Iterator[tuple[str, Keyed]]:
        """Every value of the face that can have keyframes, with the name of its key."""
        yield from (("source_age", self.source_age), ("target_age", self.target_age), ("intensity", self.intensity))
        yield from ((f"look.{part}", value) for part, value in self.look.keyed())
        for name, region in self.regions.named().items():
            for key, value in (("intensity", region.intensity), ("target_age", region.target_age)):
                if value is not None:
                    yield f"regions.{name}.{key}", value
            if region.look is not None:
                yield from ((f"regions.{name}.look.{part}", value) for part, value in region.look.keyed())


class Temporal(Part):
    """How the change is kept steady from frame to frame."""

    radius: Annotated[int, Field(ge=0, le=8)] = 2
    """Frames before and after each frame that are averaged with it."""
    strength: Annotated[float, Field(ge=0, le=1)] = 1.0
    """0 turns the filter off, 1 is the full filter."""


class Matte(Roto):
    """The area that changes."""

    kind: Literal["head", "face", "box"] = "head"
    """head fades out over ears and neck, face ends at the outline of the face, box is a soft square."""
    feather: Annotated[float, Field(ge=0, le=0.5)] = 0.08
    """Softness of the edge, as a fraction of the face's height."""
    hands: Literal["held_out", "aged"] = "held_out"
    """Hands in front of a face: held_out keeps them as in the plate, aged changes them with the face."""


class Tracking(Part):
    """How faces are found and tracked."""

    max_gap: Annotated[int, Field(ge=0, le=240)] = 12
    """Longest gap without the face that tracking fills, in frames."""
    smoothing: Annotated[float, Field(ge=0, le=4)] = 1.0
    """Smoothing of landmarks where the plate does not hold them. 0 repairs only bad frames, 1 is the normal amount."""
    margin: Annotated[int, Field(ge=0, le=240)] = 12
    """Frames before and after its range that a preview without saved tracks also reads."""
    min_face: Annotated[int, Field(ge=16, le=4096)] = 48
    """Height of the smallest face to look for, in pixels."""


class Preview(Part):
    """How `vfxage preview` shows the shot."""

    display: Annotated[str, Field(min_length=1)] | None = None
    """Display of the OpenColorIO config; default: the config's first one."""
    view: Annotated[str, Field(min_length=1)] | None = None
    """View of the display; default: the display's first one. A video plate with neither key is shown as sRGB."""
    width: Annotated[int, Field(ge=320, le=1920)] = 960
    """Width of each picture of the whole frame, in pixels, if the plate is as wide; the movie shows two in a row."""


FACE_DEFAULTS = ("source_age", "target_age", "intensity", "regions", *STEERING)
"""Keys of a face for which the top level can give a default."""


def _with_defaults(face: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """The data of a face with the top level's values for keys, regions, and parts of the look, that it leaves out."""
    filled = {**defaults, **{key: value for key, value in face.items() if value is not None or key not in defaults}}
    for key in ("regions", "look"):
        outer, own = defaults.get(key), filled.get(key)
        if isinstance(outer, dict) and isinstance(own, dict):
            # An empty region takes the shot's region away; an empty part of a look is one that is left out.
            filled[key] = {**outer, **{k: v for k, v in own.items() if key == "regions" or v is not None}}
    return filled


class Style(Part):
    """Another face's style in the answers of SAM, such as its colour of hair."""

    reference: FilePath | None = None
    """A picture of a face whose style is taken; for a movie or sequence, its first frame."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    """Instead of a picture: a style made of noise; each seed gives another one."""
    layers: Annotated[tuple[Annotated[int, Field(ge=0, le=17)], ...], Field(min_length=1, max_length=18)] = (8, 9)
    """The codes that are taken, of 18 from coarse (0) to fine (17); 8 and 9 are mostly the colour of the hair."""
    amount: Annotated[float, Field(ge=0, le=1)] = 1.0
    """1 takes the codes as they are; less mixes them with those of the face in the plate."""

    @model_validator(mode="after")
    def _one_source(self) -> Style:
        if (self.reference is None) == (self.seed is None):
            raise ValueError("needs either `reference`, a picture, or `seed`, a number")
        return self


class Shot(Part):
    """A vfxage shot: a plate, the faces to re-age, and the files to write."""

    model_config = ConfigDict(title="vfxage shot")

    plate: FilePath
    """Movie, or sequence as ####, %04d, @@@@ or $F4; relative to the shot file."""
    frames: Frames | None = None
    """The shot's frames, Nuke "1001-1050x2 1060" or OpenJD "1001-1050:2,1060"; default: the whole plate."""
    handles: Annotated[int, Field(ge=0, le=1000)] = 0
    """Frames to render before and after `frames`, if the plate has them."""
    missing_frames: Literal["error", "black", "hold"] = "error"
    """For a frame that is missing or cannot be read: stop, use black, or hold the nearest earlier frame."""
    pixel_aspect: Annotated[float, Field(ge=0.1, le=10)] | None = None
    """Width of a pixel divided by its height, if the plate has none or a wrong one; 2 for most anamorphic plates."""
    first_frame: Annotated[int, Field(ge=-(10**9), le=10**9)] | None = None
    """Number of a movie's first frame; default: 1, as in Nuke."""
    rate: Rate | None = None
    """Frames per second, if the plate has none or a wrong one: 24, 23.976 or "24000/1001"."""
    colorspace: Annotated[str, Field(min_length=1)] | None = None
    """OpenColorIO name of the plate's colour space; default: from its tags or header."""
    range: Literal["full", "video"] | None = None
    """Range of a movie's codes, if its tag is missing or wrong; full: black is code 0. Default: from its tag."""
    part: Annotated[
        Annotated[str, Field(min_length=1)] | Annotated[int, Field(ge=0)] | None, BeforeValidator(not_padded)
    ] = None
    """Part of an OpenEXR plate, by its name or its number from 0. Default: the first part with colour."""
    layer: Annotated[str, Field(min_length=1)] | None = None
    """Layer of an OpenEXR plate: what its channels have before the last dot. Default: R, G, B, or the only one."""
    view: Annotated[str, Field(min_length=1)] | None = None
    """View of an OpenEXR plate, such as left. Default: the first."""
    exposure: Annotated[float | Literal["auto"], *number_or_auto(-12, 12)] = "auto"
    """Stops added to the plate for the model only. auto: measured on the faces, one value for the whole shot."""
    tracks: WrittenPath | None = None
    """File of the tracks (.npz), for several versions of a shot to share; default: beside the first output."""
    ocio: Annotated[str, BeforeValidator(_colour_config), IsPath(), AS_WRITTEN] | None = None
    """OpenColorIO config: a file, or a built-in one such as ocio://studio-config-v4.0.0_aces-v2.0_ocio-v2.5.

    Default: $OCIO, else the built-in studio-config-v2.2.0_aces-v1.3_ocio-v2.4.
    """
    model: Annotated[str, BeforeValidator(_model), IsPath(), AS_WRITTEN] = "builtin"
    """builtin (relief), relief, small, bands, or the path of a checkpoint relative to the shot file."""
    delta_from: DeltaFrom | None = None
    """What the change starts from: the plate, or a reconstruction, the model's own answer at the source age.
    Default: reconstruction for models that answer whole pictures and can be asked for the source age."""
    style: Style | None = None
    """Only for a checkpoint of SAM: another face's style."""
    crop_size: Literal[200, 256, 512, 768, 1024] | None = None
    """Side of the model's square crop, in pixels; default: the smallest that keeps the resolution of the face."""
    source_age: Age | None = None
    """Default source age of every face, years 0 to 120: a number, or keyframes {frame: age}."""
    target_age: Age | None = None
    """Default target age of every face, years 0 to 120: a number, or keyframes {frame: age}."""
    intensity: Intensity = Keyed.of(1.0)
    """Default intensity of every face, 0 to 4: a number, or keyframes {frame: value}."""
    regions: Regions = Regions()
    """Default of every face for each region: its own age, intensity or look."""
    look: LookKeys = LookKeys()
    """Default look of every face: how much of each part of the change, 0 to 2. Only the model relief has parts."""
    gentle: Gentle = "auto"
    """Default of every face: how gently skin is made older, 0 to 1, or auto."""
    glasses: Answer = "auto"
    """Default of every face: whether it wears spectacles: auto, yes or no."""
    beard: Answer = "auto"
    """Default of every face: whether it has a beard: auto, yes or no."""
    seed: Seed | None = None
    """Default of every face: chooses its lines, spots and grey strands in place of its name."""
    faces: Annotated[tuple[Face, ...], Field(min_length=1)]
    """Default: every face, with the ages of the top level."""
    temporal: Temporal = Temporal()
    """How the change is kept steady from frame to frame."""
    matte: Matte = Matte()
    """The area that changes."""
    tracking: Tracking = Tracking()
    """How faces are found and tracked."""
    preview: Preview = Preview()
    """How `vfxage preview` shows the shot."""
    outputs: tuple[Output, ...] = ()
    """The sequences and movies that a render writes."""

    _file: Path = PrivateAttr(default=Path("shot.yaml"))
    _lines: Mapping[tuple[str | int, ...], int] = PrivateAttr(default_factory=dict)
    _files: Mapping[tuple[str | int, ...], Path] = PrivateAttr(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _fill_faces(cls, data: Any) -> Any:
        """Give every face the defaults of the top level."""
        if not isinstance(data, dict):
            return data
        faces = ({},) if data.get("faces") is None else data["faces"]
        if isinstance(faces, tuple):
            defaults = {key: data[key] for key in FACE_DEFAULTS if data.get(key) is not None}
            faces = tuple(_with_defaults(face, defaults) if isinstance(face, dict) else face for face in faces)
        return {**data, "faces": faces}

    @property
    def path(self) -> Path:
        """The shot file, absolute."""
        return self._file

    def model_post_init(self, context: Any) -> None:
        """Remember the file and the lines, for errors."""
        if context:
            self._file, self._lines = context["path"], context.get("lines", {})
            self._files = context.get("files", {})

    def error(self, error: ShotError, *place: str | int) -> ShotError:
        """The same error with the shot file and the line of the value at ``place``, or of the section around it."""
        ends = (place[:end] for end in range(len(place), 0, -1))
        written = next((end for end in ends if end in self._lines), ())
        path = self._files.get(written, self.path)
        return ShotError(error.what, path=path, line=self._lines.get(written) if written else None, fix=error.fix)
