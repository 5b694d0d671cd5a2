"""A whole-face ONNX network as an ager, such as FaceFusion's ``fran.onnx``.

Inputs ``target``, (1, 3, S, S) RGB, and ``direction``, [source age, target age] / 100; the answer is the whole face, in
the scale of the picture. What vfxage takes of it is the answer minus the picture, so that what the network leaves alone
is left alone to the bit. Files of half precision, in and out, are taken too.

Pixels are -1..1, unless the file shows that it takes 0..1: FaceFusion 3.6 feeds its own ``fran.onnx`` 0..1 (mean 0,
deviation 1 in its age modifier), although ry-lu's network inside is of -1..1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vfxage.ager.architectures import Encoding
from vfxage.ager.contract import Answer, MeasuresNothing
from vfxage.ager.cores import cpu_workers, device_key, gpu_model
from vfxage.ager.onnx_file import OnnxFile, Port, libraries, open_session, read_onnx, run
from vfxage.errors import ModelError, ShotError
from vfxage.types import F32, FaceCrop, Framing

SIZES = (256, 512, 768, 1024)
"""Crop sizes for a file that accepts any size."""
FACEFUSION = {"725bb979bda169e0469de31d35ded1f6fcca3413440564d375c92c863570933b": "MIT, as FaceFusion lists it (ry-lu)"}
"""sha256 of FaceFusion's own ``fran.onnx`` (models-3.6.0), which takes 0..1, to its licence."""
NUMBERS = {"float": np.float32, "float16": np.float16}
"""Kinds of numbers that a file may take and answer, all three ports the same."""
METHOD = 1
"""Raise it when the answers for an unchanged file change: it is part of the fingerprint."""
_LONGEST_CHAIN = 4


class OnnxAger(MeasuresNothing):
    """The ager; see ``vfxage.ager.Ager`` for the contract."""

    name = "onnx"
    framing = Framing(name="ffhq")
    frames_per_call = 1

    def __init__(self, path: str | Path, device: str = "auto") -> None:
        """Open the file; see ``read_onnx`` and ``open_session`` for what they raise."""
        file = read_onnx(path)
        target, self._direction = _ports(file)
        self._number = NUMBERS[target.kind]
        self._encoding = pixel_scale(file)
        self.sizes = crop_sizes(file)
        self._path, self._session = file.path, open_session(file, device)
        on_gpu = self._session.get_providers()[0] == "CUDAExecutionProvider"
        self.workers_default = 1 if on_gpu else cpu_workers()
        model = gpu_model(int(device.partition(":")[2] or 0)) if on_gpu else ""
        self.device = device_key(model)
        self._made = f"{file.digest} {self._encoding} method {METHOD}"
        self.fingerprint = self.fingerprint_on(self.device)
        kind = device if device.startswith("cuda") else "cuda"
        place = f"{kind} ({model})" if on_gpu else "cpu"
        self.note = f"{file.path.name} by onnxruntime on {place}, pixels {self._encoding}; its licence is its author's"

    def __call__(self, crops: Sequence[FaceCrop]) -> list[Answer]:
        """Give one answer per crop. Thread-safe.

        Raises ShotError for a crop size the network does not take, ModelError where it fails.
        """
        return [Answer(step=self._step(crop)) for crop in crops]

    def fingerprint_on(self, device: str) -> str:
        """See ``Ager.fingerprint_on``: each GPU model has a fingerprint of its own, CPUs share one."""
        return hashlib.sha256(f"{self._made} {device}".encode()).hexdigest()

    def _step(self, crop: FaceCrop) -> F32:
        size = crop.rgb.shape[0]
        if size not in self.sizes:
            allowed = ", ".join(str(allowed) for allowed in self.sizes)
            what = f"{self._path.name} cannot take a crop of {size} px"
            raise ShotError(what, fix=f"set crop_size to one of {allowed}")
        stretched = self._encoding == "-1..1"
        picture = crop.rgb * np.float32(2) - np.float32(1) if stretched else crop.rgb
        planes = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], self._number)
        ages = np.clip(np.array(crop.ages, np.float32) / np.float32(100), 0, 1)
        change = (self._face(planes, ages) - planes.astype(np.float32))[0]
        return np.ascontiguousarray(change.transpose(1, 2, 0)) * np.float32(0.5 if stretched else 1)

    def bare(self, x: F32) -> F32:
        """The file's own answers (N, 3, S, S), whole faces in its own pixels.

        ``x`` is (N, 5, S, S): RGB as the file takes it, and planes of source and target age / 100.
        """
        faces = [self._face(one[None, :3].astype(self._number), one[3:, 0, 0]) for one in x]
        return np.concatenate(faces)

    def _face(self, planes: NDArray[Any], ages: F32) -> F32:
        """The answer for one picture (1, 3, S, S) at the two ages / 100, float32."""
        shape = (1,) * max(len(self._direction.shape) - 1, 0) + (2,)
        direction = ages.astype(self._number).reshape(shape)
        answer = run(self._session, {"target": planes, "direction": direction}, self._path)
        if answer.shape != planes.shape or answer.dtype != planes.dtype:
            what = f"answers {answer.dtype} {answer.shape} for a picture of {planes.shape}, not a face of its size"
            raise ModelError(what, path=self._path)
        return np.asarray(answer, np.float32)


def crop_sizes(file: OnnxFile) -> tuple[int, ...]:
    """The crop sizes that a file takes, pixels: its own, or all of ours where it leaves them free."""
    side = _ports(file)[0].shape[2]
    return SIZES if side is None else (side,)


def whole_face_fault(file: OnnxFile) -> str:
    """Say what keeps a file from being a network of this kind; nothing where it is one."""
    ports = {port.name: port for port in file.inputs}
    if ports.keys() != {"target", "direction"}:
        return f"has inputs {', '.join(map(str, file.inputs)) or 'none'}, not target and direction"
    target, direction = ports["target"], ports["direction"]
    kinds = {port.kind for port in (target, direction, file.outputs[0])}
    if len(kinds) > 1 or not kinds <= NUMBERS.keys():
        return f"takes {target} and {direction} and answers {file.outputs[0]}, not all float or all float16"
    shape = target.shape
    if len(shape) != 4 or shape[0] not in (1, None) or shape[1] not in (3, None) or shape[2] != shape[3]:
        return f"takes {target}, not 1x3 square pixels"
    if shape[2] is not None and not 16 <= shape[2] <= 4096:
        return f"takes {target}, a size that is no face's"
    free = [size for size in direction.shape if size not in (1, None)]
    if free not in ([], [2]) or (direction.shape and direction.shape[-1] == 1):
        return f"takes {direction}, not [source, target]"
    return ""


def _ports(file: OnnxFile) -> tuple[Port, Port]:
    if fault := whole_face_fault(file):
        fix = "give one with FRAN's inputs, or turn its weights into a checkpoint with `vfxage models convert`"
        raise ModelError(fault, path=file.path, fix=fix)
    ports = {port.name: port for port in file.inputs}
    return ports["target"], ports["direction"]


def pixel_scale(file: OnnxFile) -> Encoding:
    """Which pixels the file takes and gives: -1..1, unless it is known, stretches its input or cuts its answer at 0."""
    if file.digest in FACEFUSION:
        return "0..1"
    constants = _constants(file)
    last = next((node for node in reversed(file.model.graph.node) if file.outputs[0].name in node.output), None)
    if last is not None and (last.op_type == "Sigmoid" or (last.op_type == "Clip" and _lowest(last, constants) == 0)):
        return "0..1"
    return "0..1" if _stretches(file, constants) else "-1..1"


def _constants(file: OnnxFile) -> dict[str, float]:
    """The graph's numbers by name: tensors of one element."""
    onnx, _ = libraries()
    tensors = {tensor.name: tensor for tensor in file.model.graph.initializer}
    for node in file.model.graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
            tensors[node.output[0]] = node.attribute[0].t
    found = {}
    for name, tensor in tensors.items():
        if len(tensor.dims) <= 4 and all(size == 1 for size in tensor.dims):
            with suppress(Exception):  # a forged one is none; onnxruntime says so when it opens the file
                found[name] = float(onnx.numpy_helper.to_array(tensor).reshape(-1)[0])
    return found


def _lowest(clip: Any, constants: dict[str, float]) -> float | None:
    if len(clip.input) > 1:
        return constants.get(clip.input[1])
    return next((attribute.f for attribute in clip.attribute if attribute.name == "min"), None)


def _stretches(file: OnnxFile, constants: dict[str, float]) -> bool:
    """Whether ``target`` passes through 2 x - 1, in any of its spellings, before anything else."""
    users: dict[str, list[Any]] = {}
    for node in file.model.graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    for node in users.get("target", []):
        scale, shift = 1.0, 0.0
        for _ in range(_LONGEST_CHAIN):
            value = next((constants[name] for name in node.input if name in constants), None)
            if value is None or node.op_type not in ("Mul", "Div", "Add", "Sub"):
                break
            if node.input[0] in constants and node.op_type in ("Div", "Sub"):
                break
            if node.op_type in ("Mul", "Div"):
                factor = value if node.op_type == "Mul" else 1 / (value or 1)
                scale, shift = scale * factor, shift * factor
            else:
                shift += value if node.op_type == "Add" else -value
            if abs(scale - 2) < 1e-4 and abs(shift + 1) < 1e-4:
                return True
            follow = users.get(node.output[0], [])
            if not follow:
                break
            node = follow[0]
    return False
