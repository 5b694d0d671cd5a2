"""A bare network on arrays, as its authors' own program calls it, for a comparison number by number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from vfxage import process
from vfxage.ager.checkpoint import load_checkpoint
from vfxage.ager.picture import PictureNetwork, Shape
from vfxage.errors import ReadError, ShotError
from vfxage.publish import publish
from vfxage.types import F32

_DELTA_INPUTS: Mapping[str, Shape] = {"x": (5, None, None)}
"""What the networks take that answer a delta: RGB in their own encoding, and the two ages / 100."""
_WEIGHTS = "give a .pth, .pt, .safetensors or .onnx file, or the folder of a SavedModel"


def run_bare(model: Path, arrays: Path, out: Path, device: torch.device) -> dict[str, tuple[int, ...]]:
    """Run the network of a weights file on the arrays of ``arrays`` and write its answers to ``out``, both .npz.

    Arrays are channel-first. The first axis counts pictures, which run one by one. The answers are float32: ``y``, and
    what else the network answers. Returns the shape of each. Raises ModelError for the weights, ReadError for arrays
    that are missing or do not fit, WriteError where ``out`` cannot be written.
    """
    if model.suffix.lower() == ".npz":
        raise ShotError("--arrays is for the weights of a network, not for .npz", path=model, fix=_WEIGHTS)
    run = _run_onnx if model.suffix.lower() == ".onnx" else _run_network
    whole = run(model, arrays, device)
    with publish(out) as partial, partial.open("wb") as file:
        np.savez(file, **{name: value.astype(np.float32) for name, value in whole.items()})
    return {name: value.shape for name, value in whole.items()}


def _run_onnx(model: Path, arrays: Path, device: torch.device) -> dict[str, F32]:
    """The answers of a whole-face ONNX file, which takes its ages apart from the picture."""
    from vfxage.ager.onnx_ager import OnnxAger

    ager, given = OnnxAger(model, str(device)), _read(arrays)
    _check(given, Taken(ager.name, _DELTA_INPUTS, {}, 1), arrays)
    size = given["x"].shape[2]
    if given["x"].shape[2:] != (size, size) or (len(ager.sizes) == 1 and size not in ager.sizes):
        sides = f"{ager.sizes[0]}x{ager.sizes[0]}" if len(ager.sizes) == 1 else "square"
        raise ReadError(f"array 'x' has pictures that are not {sides}", path=arrays, fix="crop or resize them")
    return {"y": ager.bare(given["x"])}


def _run_network(model: Path, arrays: Path, device: torch.device) -> dict[str, F32]:
    checkpoint = load_checkpoint(model)
    given = _read(arrays)
    network = checkpoint.network(lean=True) if device.type == "cpu" else checkpoint.network().to(device)
    needed, optional = _shapes(network)
    _check(given, Taken(checkpoint.architecture.name, needed, optional, checkpoint.architecture.multiple), arrays)
    del checkpoint  # its mapped weights count as memory for as long as they are held
    settings = process.exact_torch if device.type == "cuda" else process.one_torch_thread
    with settings(), torch.inference_mode():
        answers = [
            {name: value.cpu().numpy() for name, value in _answer(network, one).items()}
            for one in _pictures(given, device)
        ]
    return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}


def _read(path: Path) -> dict[str, F32]:
    try:
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise ValueError("it is one array without a name")
        with file:
            found = {name: np.asarray(file[name], np.float32) for name in file.files}
    except FileNotFoundError as error:
        raise ReadError("no such file", path=path, fix="check the path") from error
    # numpy shares no type of error between the ways in which a file can be damaged or be none of its own.
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0][:120] or type(error).__name__
        raise ReadError(f"is no readable .npz ({reason})", path=path, fix="write it with numpy.savez") from error
    return found


def _shapes(network: nn.Module) -> tuple[Mapping[str, Shape], Mapping[str, Shape]]:
    if isinstance(network, PictureNetwork):
        return network.inputs, network.optional
    return _DELTA_INPUTS, {}


@dataclass(frozen=True, slots=True)
class Taken:
    """The arrays that a network takes."""

    name: str
    """Of the network."""
    needed: Mapping[str, Shape]
    optional: Mapping[str, Shape]
    multiple: int
    """Sides of pictures are multiples of this, pixels."""


def _check(given: Mapping[str, F32], taken: Taken, path: Path) -> None:
    """Raise ReadError that names the first array that is missing, unknown, or of the wrong shape."""
    needed, optional = taken.needed, taken.optional
    known = {**needed, **optional}
    takes = f"{taken.name} takes {', '.join(f'{name} {_text(shape)}' for name, shape in needed.items())}"
    fix = takes + (f", and can take {_brief(optional)}" if optional else "")
    if absent := [name for name in needed if name not in given]:
        raise ReadError(f"has no array {absent[0]!r}", path=path, fix=fix)
    if unknown := [name for name in given if name not in known]:
        raise ReadError(f"has an array {unknown[0]!r} that the network does not take", path=path, fix=fix)
    count = len(given["x"]) if given["x"].ndim else 0
    for name, array in given.items():
        fits = array.ndim == 1 + len(known[name]) and len(array) == count > 0
        fits = fits and all(want in (None, side) for want, side in zip(known[name], array.shape[1:], strict=True))
        if not fits:
            shape = "x".join(map(str, array.shape)) or "a single number"
            raise ReadError(f"array {name!r} is {shape}, expected {_text(known[name])}", path=path, fix=fix)
        if not np.isfinite(array).all():
            raise ReadError(f"array {name!r} has values that are NaN or Inf", path=path, fix="give finite numbers")
    if any(side % taken.multiple or not side for side in given["x"].shape[2:]):
        what = f"array 'x' has sides that are not multiples of {taken.multiple}"
        raise ReadError(what, path=path, fix="crop or pad the pictures")


def _text(shape: Shape) -> str:
    return "x".join(["N", *("any" if side is None else str(side) for side in shape)])


def _brief(optional: Mapping[str, Shape]) -> str:
    names = list(optional)
    numbered = [name for name in names if re.fullmatch(r"\w+_\d+", name)]
    return f"{numbered[0]} to {numbered[-1]}" if len(numbered) > 2 else ", ".join(names)


def _pictures(given: Mapping[str, F32], device: torch.device) -> Iterator[dict[str, Tensor]]:
    for index in range(len(given["x"])):
        yield {name: torch.from_numpy(array[index : index + 1]).to(device) for name, array in given.items()}


def _answer(network: nn.Module, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    if isinstance(network, PictureNetwork):
        return network.bare(arrays)
    return {"y": network(arrays["x"])}
