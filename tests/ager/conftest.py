"""Networks with weights drawn as ``checkpoints/LAYOUTS.md`` says, their files, and frames to hand to an ager."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from vfxage.ager import load_ager
from vfxage.ager.architectures import ARCHITECTURES
from vfxage.ager.checkpoint import load_checkpoint, save_checkpoint
from vfxage.ager.network import NetworkAger
from vfxage.errors import ModelError
from vfxage.types import FaceCrop, Frame, FrameCrops, Window


def random_tensor(
    key: str, shape: tuple[int, ...], generator: torch.Generator, inputs: int | None = None
) -> torch.Tensor:
    """Values of the usual size for a tensor of this name; ``inputs``: numbers that feed one output of a weight."""
    if key.endswith(("running_var", "test_var")):
        return 1 + 0.5 * torch.rand(shape, generator=generator)
    if key.endswith(("running_mean", "test_mean")):
        return 0.1 * torch.randn(shape, generator=generator)
    if len(shape) >= 2:
        return torch.randn(shape, generator=generator) * math.sqrt(2 / (inputs or math.prod(shape[1:])))
    if key.endswith(("weight", "gamma")):
        return 1 + 0.1 * torch.randn(shape, generator=generator)
    return 0.05 * torch.randn(shape, generator=generator)


def flat_state(name: str = "face_reaging", value: float = 0.5) -> dict[str, torch.Tensor]:
    """A state of the right shapes whose tensors share one value each: a file of a few kilobytes."""
    with torch.device("meta"):
        expected = ARCHITECTURES[name].build().state_dict()
    state = {key: torch.tensor(value).to(tensor.dtype).expand(tensor.shape) for key, tensor in expected.items()}
    row = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    filters = {key: torch.outer(row, row).expand(expected[key].shape) for key in expected if key.endswith(".filt")}
    for key in (key for key in expected if key.endswith(".kernel")):
        gain = 4.0 if key.endswith(("blur.kernel", "upsample.kernel")) else 1.0
        filters[key] = torch.outer(row, row) * gain
    return state | filters


def refusal(path: Path) -> str:
    """The one line that says why no checkpoint is read from the file."""
    with pytest.raises(ModelError) as caught:
        load_checkpoint(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    assert caught.value.fix
    return text


@pytest.fixture
def saved(tmp_path) -> Callable[..., Path]:
    """A file that torch.save writes."""

    def save(state, name="weights.pth", **options) -> Path:
        path = tmp_path / name
        torch.save(state, path, **options)
        return path

    return save


@pytest.fixture(scope="session")
def drawn() -> Callable[[str], torch.nn.Module]:
    """A network by its architecture's name, in evaluation mode."""
    made = {}

    def draw(name: str) -> torch.nn.Module:
        if name not in made:
            network = ARCHITECTURES[name].build().eval().requires_grad_(False)
            generator = torch.Generator().manual_seed(0)
            for key, tensor in sorted(network.state_dict().items()):
                if not key.endswith((".filt", ".num_batches_tracked")):
                    tensor.copy_(random_tensor(key, tensor.shape, generator))
            made[name] = network
        return made[name]

    return draw


@pytest.fixture(scope="session")
def small(drawn, tmp_path_factory) -> Callable[[str], NetworkAger]:
    """An ager on the CPU, from a vfxage checkpoint of a drawn network that takes small crops."""
    folder = tmp_path_factory.mktemp("checkpoints")

    @cache
    def load(name: str) -> NetworkAger:
        path = folder / f"{name}.safetensors"
        row = replace(ARCHITECTURES[name], sizes=(64, 96), native=64, ages=(18.0, 85.0))
        save_checkpoint(path, row, drawn(name).state_dict())
        ager = load_ager(str(path), "cpu")
        assert isinstance(ager, NetworkAger)
        return ager

    return load


@pytest.fixture(scope="session")
def face_points(portraits) -> np.ndarray:
    """Landmarks of one portrait, in a unit square."""
    with np.load(portraits / "eval" / "landmarks.npz") as landmarks:
        return landmarks["lon_001_neutral"] / np.float32(512)


@pytest.fixture(scope="session")
def crop_of(face_points) -> Callable[..., FaceCrop]:
    """A crop of a picture, (S, S, 3) float32."""

    def make(rgb, points=None, ages=(30.0, 60.0), intensity=1.0, face=0) -> FaceCrop:
        size = len(rgb)
        return FaceCrop(
            face=face,
            name=f"face{face}",
            rgb=np.ascontiguousarray(rgb, np.float32),
            points=(face_points * size if points is None else points).astype(np.float32),
            matte=np.ones((size, size), np.float32),
            to_frame=np.eye(2, 3),
            ages=ages,
            intensity=intensity,
        )

    return make


@pytest.fixture(scope="session")
def frame_of() -> Callable[..., FrameCrops]:
    """A frame with these crops."""

    def make(number, *crops) -> FrameCrops:
        frame = Frame(number=number, window=Window(0, 0, 4, 4), rgb=np.zeros((4, 4, 3), np.float32))
        return FrameCrops(frame=frame, crops=crops)

    return make
