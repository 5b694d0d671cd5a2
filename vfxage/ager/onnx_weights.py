"""Weights out of an ONNX file: exporters rename tensors and fold norms, so they are found by their order and shapes.

The convolutions and norms of a known network, in the order in which it runs them, are laid beside the graph's. What was
found is then proved: the network with these weights must answer as onnxruntime does with the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vfxage.ager.architectures import ARCHITECTURES, Architecture
from vfxage.ager.onnx_ager import NUMBERS, whole_face_fault
from vfxage.ager.onnx_file import OnnxFile, Port, libraries, open_session, read_onnx, run
from vfxage.errors import ModelError
from vfxage.types import F32

_EPSILON = 1e-5
"""Epsilon of torch's batch norms."""
_PROOF = 64
"""Side of the picture that proves, where the file leaves it open, pixels."""
_AGES = np.array([0.3, 0.6], np.float32)
"""Source and target age of the proof, over 100."""
_CLOSE = 2e-3
"""Largest difference between the answers, as a share of the largest value."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A convolution or norm: of ours its key, of the file's its values."""

    kind: str
    """conv, up (transposed) or norm."""
    shape: tuple[int, ...]
    """Shape of the kernel; (channels,) for a norm."""
    key: str = ""
    values: tuple[F32, ...] = ()
    """Kernel and bias; or weight, bias, mean and variance."""


def import_onnx(path: str | Path) -> tuple[Architecture, dict[str, Tensor]]:
    """Find a known network's weights in an ONNX file: its row and its state.

    Raises ModelError for a file that is damaged, of no known network, or answers otherwise than the network with the
    weights that were found; InstallError without the extra.
    """
    file = read_onnx(path)
    theirs = list(_steps(file))
    known = {name: row for name, row in ARCHITECTURES.items() if row.answers == "delta"}
    for row in known.values():
        if (state := _lay(_own_steps(row), theirs)) is not None:
            _prove(file, row, state)
            return row, state
    kernels = [step for step in theirs if step.kind != "norm"]
    first = "x".join(map(str, kernels[0].shape)) if kernels else "none"
    what = f"is of a network that vfxage does not know ({len(kernels)} convolutions, first {first})"
    raise ModelError(what, path=path, fix=f"known are {', '.join(known)}, in float32")


def _own_steps(row: Architecture) -> list[_Step]:
    """The network's convolutions and norms in running order; a layer that runs twice is listed twice."""
    with torch.device("meta"):
        network = row.build().eval()
    steps: list[_Step] = []

    def note(key: str, part: nn.Module) -> None:
        if isinstance(part, nn.BatchNorm2d):
            steps.append(_Step("norm", (part.num_features,), key))
        elif isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            kind = "conv" if isinstance(part, nn.Conv2d) else "up"
            steps.append(_Step(kind, tuple(part.weight.shape), key))

    for key, part in network.named_modules():
        part.register_forward_hook(lambda part, _, __, key=key: note(key, part))
    with torch.device("meta"):
        network(torch.empty((1, 5, _PROOF, _PROOF)))
    return steps


def _steps(file: OnnxFile) -> Iterator[_Step]:
    """The graph's convolutions and norms with constant weights, in its order."""
    tensors = {tensor.name: tensor for tensor in file.model.graph.initializer}
    kinds = {"Conv": "conv", "ConvTranspose": "up", "BatchNormalization": "norm"}
    for node in file.model.graph.node:
        if (constant := _constant(node, tensors)) is not None:
            tensors[node.output[0]] = constant
        elif node.op_type in kinds and all(name in tensors for name in node.input[1:] if name):
            values = _arrays([tensors[name] for name in node.input[1:] if name], file)
            if all(value.dtype == np.float32 for value in values):
                yield _step(kinds[node.op_type], node, values)


def _constant(node: Any, tensors: Mapping[str, Any]) -> Any:
    """The tensor that a node passes on unchanged; None where it computes something."""
    if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
        return node.attribute[0].t
    if node.op_type == "Identity":  # how exporters share equal tensors
        return tensors.get(node.input[0])
    return None


def _arrays(tensors: Sequence[Any], file: OnnxFile) -> list[NDArray[Any]]:
    onnx, _ = libraries()
    try:
        return [onnx.numpy_helper.to_array(tensor) for tensor in tensors]
    except Exception as error:  # forged sizes; onnx lets numpy's errors through
        raise ModelError("is damaged", path=file.path, fix="download or copy it again") from error


def _step(kind: str, node: Any, values: Sequence[F32]) -> _Step:
    """Kernel and bias of a convolution; weight, bias, mean and variance of a norm, its epsilon made torch's."""
    shape = tuple(values[0].shape)
    if kind != "norm":
        bias = values[1] if len(values) > 1 else np.zeros(shape[0 if kind == "conv" else 1], np.float32)
        return _Step(kind, shape, values=(values[0], bias))
    epsilon = next((attribute.f for attribute in node.attribute if attribute.name == "epsilon"), _EPSILON)
    *others, variance = values
    return _Step(kind, shape, values=(*others, variance + np.float32(epsilon - _EPSILON)))


def _lay(ours: Sequence[_Step], theirs: Sequence[_Step]) -> dict[str, Tensor] | None:
    """Lay the steps beside each other: the state, or None where they do not match.

    A norm that the file lacks was folded into the kernel before it, and becomes one that changes nothing. A kernel that
    takes one channel, and that the network lacks, is a fixed blur, which exporters write as a convolution.
    """
    found: dict[str, tuple[F32, ...]] = {}
    waiting = list(theirs)
    for step in ours:
        while waiting and not _alike(step, waiting[0]) and _blurs(waiting[0]) and step.kind != "norm":
            waiting.pop(0)
        if waiting and _alike(step, waiting[0]):
            values = waiting.pop(0).values
        elif step.kind == "norm":
            ones, zeros = np.ones(step.shape, np.float32), np.zeros(step.shape, np.float32)
            values = (ones, zeros, zeros, ones - np.float32(_EPSILON))
        else:
            return None
        if step.key in found and not all(map(np.array_equal, found[step.key], values)):
            return None
        found[step.key] = values
    if not all(_blurs(step) for step in waiting):
        return None
    return _state(ours, found)


def _alike(ours: _Step, theirs: _Step) -> bool:
    return (ours.kind, ours.shape) == (theirs.kind, theirs.shape)


def _blurs(step: _Step) -> bool:
    return step.kind != "norm" and len(step.shape) == 4 and step.shape[1] == 1


def _state(ours: Sequence[_Step], found: Mapping[str, tuple[F32, ...]]) -> dict[str, Tensor]:
    state = {}
    for step in ours:
        names = ("weight", "bias", "running_mean", "running_var")[: 4 if step.kind == "norm" else 2]
        for name, value in zip(names, found[step.key], strict=True):
            state[f"{step.key}.{name}"] = torch.from_numpy(np.array(value))
        if step.kind == "norm":
            state[f"{step.key}.num_batches_tracked"] = torch.tensor(0)
    return state


# ---- the proof -----------------------------------------------------------------------------------------------------


def _prove(file: OnnxFile, row: Architecture, state: Mapping[str, Tensor]) -> None:
    """Raise ModelError where the network with these weights does not answer as the file does."""
    picture, direction = _inputs(file)
    size = picture.shape[2] or _PROOF
    rgb = np.random.default_rng(0).random((1, 3, size, size), np.float32)
    session = open_session(file, "cpu")
    network = row.build().eval().requires_grad_(False)
    network.load_state_dict(dict(state), strict=False)  # fixed filters are its own
    centred = row.encoding == "-1..1"
    step = _delta(network, rgb * 2 - 1 if centred else rgb)
    for theirs_centred in (centred, not centred):  # the file may want the other encoding than the network
        shown = rgb * 2 - 1 if theirs_centred else rgb
        delta = step * np.float32((2 if theirs_centred else 1) / (2 if centred else 1))
        wanted: tuple[NDArray[Any], ...] = (delta, shown + delta)
        if direction is not None:
            wanted = (shown + delta, (shown + delta).clip(-1 if theirs_centred else 0, 1))
        answer = run(session, _feeds(picture, direction, shown), file.path)
        if any(_close(answer, one) for one in wanted):
            return
    what = f"has the layers of {row.name}, but with its weights that network does not answer as the file does"
    raise ModelError(what, path=file.path, fix="give the checkpoint that the file was exported from")


def _inputs(file: OnnxFile) -> tuple[Port, Port | None]:
    """The input for the picture, and the one for the ages where they are not painted into the picture."""
    if not whole_face_fault(file):
        ports = {port.name: port for port in file.inputs}
        return ports["target"], ports["direction"]
    picture = file.inputs[0]
    if len(file.inputs) != 1 or len(picture.shape) != 4 or picture.shape[1] not in (5, None):
        what = f"has inputs {', '.join(map(str, file.inputs))}, not a picture of five channels or target and direction"
        raise ModelError(what, path=file.path, fix="export the network as it was trained")
    return picture, None


def _feeds(picture: Port, direction: Port | None, rgb: F32) -> dict[str, NDArray[Any]]:
    """What the session is given for a picture (1, 3, S, S), at the ages of ``_AGES``."""
    number = NUMBERS.get(picture.kind, np.float32)
    if direction is None:
        return {picture.name: _painted(rgb).astype(number)}
    ages = _AGES.reshape((1,) * max(len(direction.shape) - 1, 0) + (2,))
    return {picture.name: rgb.astype(number), direction.name: ages.astype(number)}


def _painted(rgb: F32) -> F32:
    ages = np.broadcast_to(_AGES[None, :, None, None], (1, 2, *rgb.shape[2:]))
    return np.concatenate([rgb, ages], axis=1)


def _delta(network: nn.Module, rgb: F32) -> F32:
    with torch.inference_mode():
        return network(torch.from_numpy(_painted(rgb))).numpy()  # type: ignore[no-any-return]


def _close(answer: Any, wanted: NDArray[Any]) -> bool:
    if answer.shape != wanted.shape:
        return False
    return bool(np.abs(answer - wanted).max() <= _CLOSE * max(float(np.abs(wanted).max()), 1e-3))
