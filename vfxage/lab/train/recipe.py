"""The training file: every key with its limits and default, and its loader."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from vfxage.ager import ARCHITECTURES
from vfxage.lab.portraits import FolderLayout
from vfxage.lab.train.augmentations import AugmentPart, switched
from vfxage.lab.train.limits import Located, Share, Span, Weight, located, within
from vfxage.shot.part import Part
from vfxage.shot.strict import StrictFile, YamlKind, read_document

UNPAIRED = ("cycle", "sauravsjk", "fast_aginggan")
"""Networks that answer whole pictures and that vfxage trains."""
TRAINED = (*(name for name, row in ARCHITECTURES.items() if row.answers == "delta"), *UNPAIRED)
_NAMES = ", ".join(TRAINED)


class PortraitFolder(Part):
    """One folder of labelled portraits."""

    folder: Located
    layout: FolderLayout | None = None
    """index, person/age, age/name or utkface; guessed from the file names by default."""
    framing: Literal["picture", "face"] = "picture"
    """picture: the pictures are square and framed as the network wants. face: find the face and cut its square."""


class DataPart(Part):
    """The training data."""

    pairs: Annotated[tuple[PortraitFolder, ...], Field(max_length=64)] = ()
    """People at several ages, aligned to the pixel: every ordered pair of one person's ages is an example."""
    portraits: Annotated[tuple[PortraitFolder, ...], Field(max_length=64)] = ()
    """Real portraits of any people: the examples of networks that learn without pairs; for others, for the critic."""
    bad: Literal["skip", "refuse"] = "skip"
    """Handling of unusable files: leave them out, or refuse to start."""
    smallest: Annotated[int, Field(ge=16, le=4096)] = 128
    """Least width and height of a picture, pixels."""
    side: Annotated[int, Field(ge=32, le=2048)] = 512
    """Pictures are kept this wide and high, pixels."""
    memory_gb: Annotated[float, Field(ge=0.01, le=1000)] = 4.0
    """Decoded pictures kept in memory; the others are decoded again when they are needed."""
    holdout: Annotated[float, Field(ge=0, le=0.9)] = 0.1
    """Share of people held out for validation, chosen by a hash of their names: adding people does not change it."""
    real_targets: Share = 0.45
    """Share of examples whose target is a photograph, where the index says which are (column real)."""
    real_older: Share | None = None
    """Of those, the share whose photograph is the older of the two; default: as often as they occur.

    A young photograph does not show which wrinkles will come, so with older photographs as targets a network learns a
    blurred average. An old photograph shows the wrinkles that must go.
    """
    real_sources: Share | None = None
    """Of the examples with a made target, the share whose source is a photograph; default: as often as they occur.

    A plate is a photograph. A network that only sees sources made by the teacher learns to recognise the teacher's
    lines.
    """
    identity: Share = 0.05
    """Share of examples whose target is the source itself: the wanted delta is 0."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Threads that cut the examples."""


class ModelPart(Part):
    """The network to train."""

    architecture: str = "small"
    """A row of `vfxage models list`."""
    init: Annotated[Path | None, BeforeValidator(located)] = None
    """Begin with this checkpoint's weights; a batch norm's statistics then stay the checkpoint's."""
    export_half: bool = True
    """Write checkpoints as 16-bit floats."""

    @model_validator(mode="after")
    def _known(self) -> ModelPart:
        if self.architecture not in TRAINED:
            raise ValueError(f"names an architecture that cannot be trained ({self.architecture}); choose {_NAMES}")
        return self

    @property
    def unpaired(self) -> bool:
        """Whether the network learns from single portraits by its answer and the way back, not from pairs."""
        return self.architecture in UNPAIRED


class CropPart(Part):
    """Which part of a picture an example shows, and how large."""

    sizes: Annotated[tuple[Annotated[int, Field(ge=32, le=1024, multiple_of=8)], ...], Field(min_length=1)] = (256,)
    """Sides of examples, pixels; each step takes one of them."""
    window: Annotated[Span, AfterValidator(within(0.05, 2))] = (0.375, 1.0)
    """Smallest and largest side of the window, as shares of the picture's side; log-uniform between them.

    Not for `small` and `medium`, which see every face at one size: an example shows as much as fits into it.
    """
    whole: Share = 0.4
    """Share of examples that show the whole face instead; not for `small` and `medium`."""
    on_face: Share = 0.0
    """Share of the windows with a landmark of the face in the middle; most landmarks are at eyes and mouth."""
    jitter: Annotated[float, Field(ge=0, le=0.3)] = 0.03
    """The window's place and size are changed at random by up to this share of its side."""
    roll: Annotated[float, Field(ge=0, le=180)] = 8.0
    """Pictures are turned by up to so many degrees, either way."""
    flip: bool = True
    """Mirror every other example."""


class Adversarial(Part):
    """A critic that tells results from photographs of people of that age, patch by patch."""

    weight: Weight = 0.0
    start: Annotated[int, Field(ge=0)] = 5000
    """Step at which the critic begins to learn."""
    ramp: Annotated[int, Field(ge=1)] = 2000
    """Steps after that in which its weight rises from 0."""
    rate: Annotated[float, Field(gt=0, le=1)] = 2e-4
    """Learning rate of the critic's own Adam."""
    channels: Annotated[int, Field(ge=8, le=256)] = 48
    """Channels of the critic's first layer; later layers have twice and four times as many."""
    critic: Literal["patch", "face_reaging"] = "patch"
    """patch: spectral norm and hinge loss. face_reaging: that project's discriminator, binary cross-entropy."""
    init: Annotated[Path | None, BeforeValidator(located)] = None
    """Begin with face_reaging's published discriminator (best_discriminator_model.pth)."""

    @model_validator(mode="after")
    def _fits(self) -> Adversarial:
        if self.init is not None and self.critic != "face_reaging":
            raise ValueError("names `init`, whose weights are of another critic; set `critic: face_reaging`")
        return self


class Stability(Part):
    """The delta of a shifted, noised, re-graded crop is the shifted delta."""

    weight: Weight = 0.0
    every: Annotated[int, Field(ge=1, le=1000)] = 4
    """It is computed on every so many steps, because it runs the network twice."""
    shift: Annotated[int, Field(ge=1, le=15)] = 3
    """Largest shift, pixels, either way."""


class Lpips(Part):
    """Zhang et al. 2018, with weights that the user has: vfxage may not ship them."""

    weight: Weight = 0.0
    vgg: Annotated[Path | None, BeforeValidator(located)] = None
    """VGG16's state dict as torchvision publishes it."""
    lin: Annotated[Path | None, BeforeValidator(located)] = None
    """The five linear layers' state dict as the LPIPS project publishes it (vgg.pth)."""

    @model_validator(mode="after")
    def _has_files(self) -> Lpips:
        if self.weight and not (self.vgg and self.lin):
            raise ValueError("needs the files `vgg` and `lin`; name them, or set the weight to 0")
        return self


class CycleLosses(Part):
    """The losses of networks that learn without pairs: a portrait is aged, and the answer is aged back."""

    back: Weight = 10.0
    """Absolute difference between the portrait and the picture that was aged and aged back."""
    identity: Weight = 1.0
    """Difference of the features of portrait and answer. fast_aginggan: change of a portrait of the target group."""
    group: Weight = 1.0
    """Cross-entropy of the age group that the critic reads in the answer; fast_aginggan has one critic per group."""


class LossPart(Part):
    """The losses with their weights; 0 leaves a loss out."""

    l1: Weight = 1.0
    """Absolute difference of the delta."""
    outside: Share = 0.2
    """Weight of a pixel outside the face in l1, pyramid and highpass; a pixel on the face has 1."""
    pyramid: Weight = 0.5
    """The same on copies of a half, a quarter and an eighth of the size."""
    highpass: Weight = 1.0
    """The same on fine detail, which a blur of two pixels removes: wrinkles and pores."""
    contrast: Weight = 0.0
    """Difference of the strength of the delta, in cells, from pores to folds: an uncertain line is not left out."""
    adversarial: Adversarial = Adversarial()
    stability: Stability = Stability()
    lpips: Lpips = Lpips()
    cycle: CycleLosses = CycleLosses()


class SchedulePart(Part):
    """How long and how fast."""

    steps: Annotated[int, Field(ge=1, le=100_000_000)] = 100_000
    epochs: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Instead of ``steps``: how many times all pairs (without pairs: all portraits) are used."""
    minutes: Annotated[float, Field(gt=0, le=1e6)] | None = None
    """End after so many minutes, over all sessions, if ``steps`` are not done before; the rate falls by the time then.

    For a machine that is lent for a fixed time.
    """
    batch: Annotated[int, Field(ge=1, le=4096)] = 4
    """Examples a step, over all processes."""
    rate: Annotated[float, Field(gt=0, le=1)] = 3e-4
    """Adam's learning rate."""
    warmup: Annotated[int, Field(ge=0, le=1_000_000)] = 200
    """Steps over which the rate rises from 0."""
    decay: Literal["none", "cosine"] = "cosine"
    """Cosine: the rate falls to a hundredth by the last step."""
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.9, 0.99)
    """Decay rates of Adam's moments."""
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Adam's weight decay."""
    clip: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    """Longest gradient; longer ones are shortened."""
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Decay of the running mean of the weights, which is what checkpoints hold."""
    mixed: bool = True
    """bfloat16 where a GPU computes it; on a CPU always float32."""

    @model_validator(mode="after")
    def _one_length(self) -> SchedulePart:
        if self.epochs is not None and "steps" in self.model_fields_set:
            raise ValueError("has `steps` and `epochs`; keep one of them")
        return self


class OutputPart(Part):
    """Files that a run writes, and their intervals in steps."""

    checkpoint_every: Annotated[int, Field(ge=1)] = 1000
    """State for resuming, and a checkpoint of the mean weights."""
    checkpoint_minutes: Annotated[float, Field(gt=0, le=1e5)] | None = None
    """The same after so many minutes since the last, whatever the step."""
    keep: Annotated[int, Field(ge=1, le=10_000)] = 5
    """Checkpoints kept besides the last; the oldest go first."""
    log_every: Annotated[int, Field(ge=1)] = 50
    """One line of losses.jsonl: the mean losses since the last."""
    sheet_every: Annotated[int, Field(ge=1)] = 1000
    """A contact sheet of people held out, by the mean weights, and the l1 of their pairs."""
    sheet_ages: Annotated[tuple[Annotated[float, Field(ge=0, le=120)], ...], Field(min_length=1, max_length=12)] = (
        20.0,
        35.0,
        50.0,
        65.0,
        80.0,
    )
    sheet_people: Annotated[int, Field(ge=1, le=24)] = 6
    tensorboard: bool = False
    """Scalars and sheets for TensorBoard as well (pip install vfxage[train])."""


class Recipe(Part):
    """A training run."""

    out: Located
    """Folder of the run: its state, losses, checkpoints and sheets. A state found there is resumed."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    """Seed of the weights, of the people held out, and of every random choice."""
    data: DataPart
    model: ModelPart = ModelPart()
    crop: CropPart = CropPart()
    augment: Annotated[AugmentPart, BeforeValidator(switched)] = AugmentPart()
    """``false`` switches all of it off."""
    losses: LossPart = LossPart()
    schedule: SchedulePart = SchedulePart()
    output: OutputPart = OutputPart()

    @model_validator(mode="after")
    def _has_data(self) -> Recipe:
        name, row = self.model.architecture, ARCHITECTURES[self.model.architecture]
        if self.model.unpaired and not self.data.portraits:
            raise ValueError(f"names no folder in `data.portraits`, from which {name} learns")
        if not self.model.unpaired and not self.data.pairs:
            raise ValueError("names no folder in `data.pairs`, people at several ages")
        if row.levelled and (ignored := self.crop.model_fields_set & {"window", "whole"}):
            raise ValueError(
                f"has `crop.{min(ignored)}`; {name} sees every face at {row.native} px, so an example of 256 px shows "
                f"{256 / row.native:g} of its side: leave the key out, and choose `crop.sizes`"
            )
        if wrong := [size for size in self.crop.sizes if size % row.multiple]:
            raise ValueError(f"has `crop.sizes` {wrong[0]}; {name} takes multiples of {row.multiple}")
        return self

    def lasting(self, examples: int) -> Recipe:
        """The same run with ``epochs`` as steps, for so many examples an epoch."""
        schedule = self.schedule
        if schedule.epochs is None:
            return self
        steps = math.ceil(schedule.epochs * examples / schedule.batch)
        return self.model_copy(update={"schedule": schedule.model_copy(update={"steps": steps})})


_TRAINING = YamlKind(
    name="training file",
    if_empty="start with `out: ...` and `data:`, as in configs/train/small.yaml",
    if_binary="name a YAML file such as configs/train/small.yaml",
)


def load_recipe(path: str | Path) -> Recipe:
    """Read and check a training file; paths in it are relative to it and come back absolute.

    Raises ShotError with the file, the line, and the nearest right name or value.
    """
    path = Path(path).absolute()
    return StrictFile(path, read_document(path, _TRAINING), Recipe).validate()
