"""ONNX files as untrusted input: parsed once, weights that lie outside found only beside them, and a session to run.

This is the home of onnx and onnxruntime, which come with the extra ``vfxage[onnx]``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from vfxage.errors import InstallError, ModelError, ShotError
from vfxage.frames import check_utf8

_LARGEST = (1 << 31) - 1
"""Bytes: what protobuf, in which ONNX is written, can hold."""
_THEIR_CODE = re.compile(
    r"^\[ONNXRuntimeError\] : \d+ : \w+ : |/\S*onnxruntime/\S+:\d+ [^()]+\(.*?\)( const)? (?=[A-Z])"
)
"""onnxruntime's number of an error, and the place in its source, with a signature, that raised it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """An input or output of a network."""

    name: str
    kind: str
    """ONNX name of its number type: "float", "float16", "int64"."""
    shape: tuple[int | None, ...]
    """Sizes of the axes; None for an axis whose size the caller chooses."""

    def __str__(self) -> str:
        return (
            f"{self.name} {'x'.join('?' if size is None else str(size) for size in self.shape) or 'scalar'} {self.kind}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxFile:
    """A parsed file, its weights all in memory."""

    path: Path
    model: Any
    """``onnx.ModelProto``."""
    digest: str
    """sha256 of the file, and of the files its weights lie in."""
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def libraries() -> tuple[ModuleType, ModuleType]:
    """Give the modules onnx and onnxruntime; InstallError where one is missing."""
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        what = f"ONNX files need onnx and onnxruntime ({error})"
        raise InstallError(what, fix="pip install 'vfxage[onnx]'") from error
    return onnx, onnxruntime


def read_onnx(path: str | Path) -> OnnxFile:
    """Read a file and the weights that it keeps beside itself.

    Raises ModelError for a file that is missing, damaged, not ONNX, larger than 2 GB, or keeps weights outside its own
    folder; InstallError without the extra.
    """
    path = Path(path)
    onnx, _ = libraries()
    data = _bytes(path)
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's own errors, and whatever forged bytes make it trip over
        raise ModelError("is damaged, or is not an ONNX file", path=path, fix="download or copy it again") from error
    if not model.graph.node or not model.graph.output:
        _fail(path, "is damaged, or is not an ONNX file: it holds no network")
    digest = hashlib.sha256(data)
    _take_outside(onnx, model, path, digest)
    inner = {tensor.name for tensor in model.graph.initializer}
    return OnnxFile(
        path=path,
        model=model,
        digest=digest.hexdigest(),
        inputs=tuple(_port(onnx, value) for value in model.graph.input if value.name not in inner),
        outputs=tuple(_port(onnx, value) for value in model.graph.output),
    )


def open_session(file: OnnxFile, device: str) -> Any:
    """Make an ``onnxruntime.InferenceSession`` that runs in the thread which calls it, so that its bits are its own.

    ``device`` is auto, cpu, cuda or cuda:N. Raises ShotError for a GPU that onnxruntime cannot use, ModelError for a
    network that it cannot run.
    """
    _, onnxruntime = libraries()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    providers: list[Any] = ["CPUExecutionProvider"]
    if device != "cpu" and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        index = int(device.partition(":")[2] or 0)
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": index, "use_tf32": 0}))
    try:
        session = onnxruntime.InferenceSession(
            file.model.SerializeToString(), options, providers=providers, enable_fallback=0
        )
    except Exception as error:  # onnxruntime's errors share no type below this one
        raise ModelError(
            f"cannot be run ({_brief(error)})", path=file.path, fix="export or download it again"
        ) from error
    if device.startswith("cuda") and session.get_providers()[0] != "CUDAExecutionProvider":
        what = f"--device {device} was asked for, but this onnxruntime cannot use it"
        raise ShotError(what, fix="install onnxruntime-gpu in place of onnxruntime, or use --device cpu")
    return session


def run(session: Any, inputs: dict[str, Any], path: Path, frame: int | None = None) -> Any:
    """Give the network's first output; ModelError where it fails on the way."""
    try:
        return session.run(None, inputs)[0]
    except Exception as error:  # as above
        raise ModelError(f"failed as it ran ({_brief(error)})", path=path, frame=frame) from error


def _brief(error: Exception) -> str:
    """What onnxruntime says, without its own code's names."""
    text = _THEIR_CODE.sub("", " ".join(str(error).split()))
    return text[:200] or type(error).__name__


def _fail(path: Path, what: str, fix: str = "download or copy it again") -> NoReturn:
    raise ModelError(what, path=path, fix=fix)


def _bytes(path: Path) -> bytes:
    check_utf8(path)
    try:
        size = path.stat().st_size
        if not path.is_file():
            _fail(path, "is not a file", "give an .onnx file")
        if size == 0:
            _fail(path, "is empty")
        if size > _LARGEST:
            _fail(path, "is larger than an ONNX file can be", "give an .onnx file")
        return path.read_bytes()
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        raise ModelError(what, path=path, fix="check the path and its permissions") from error


def _take_outside(onnx: ModuleType, model: Any, path: Path, digest: Any) -> None:
    """Load the weights that lie in other files, which must be in the file's own folder and as long as it says."""
    folder = path.parent.resolve()
    used: dict[Path, int] = {}
    for tensor in _tensors(model):
        if not onnx.external_data_helper.uses_external_data(tensor):
            continue
        stored = {entry.key: entry.value for entry in tensor.external_data}
        place = (folder / stored.get("location", "")).resolve()
        if Path(stored.get("location", "")).is_absolute() or not place.is_relative_to(folder):
            _fail(
                path, f"keeps weights outside its folder ({stored.get('location')!r})", "get it from its author again"
            )
        if not place.is_file():
            _fail(path, f"lacks the file of its weights, {place.name}", "put it beside the .onnx file")
        used[place] = place.stat().st_size
        if not _within(stored, used[place]):
            _fail(path, f"is damaged: its weights do not fit into {place.name}")
    if sum(used.values()) > _LARGEST:
        _fail(path, "has more than 2 GB of weights", "give a smaller network")
    for place in sorted(used):
        digest.update(place.read_bytes())
    if used:
        try:
            onnx.load_external_data_for_model(model, str(folder))
        except Exception as error:  # onnx raises its own and the system's for what a forged entry asks
            raise ModelError(f"is damaged ({_brief(error)})", path=path, fix="download or copy it again") from error


def _within(stored: dict[str, str], size: int) -> bool:
    try:
        offset = int(stored.get("offset", 0))
        return offset >= 0 and 0 <= int(stored.get("length", 0)) <= size - offset
    except ValueError:
        return False


def _tensors(model: Any) -> Iterator[Any]:
    """Every tensor of the graph, of the graphs inside it, and of its functions."""
    yield from model.graph.initializer
    waiting = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    while waiting:
        for attribute in waiting.pop().attribute:
            yield from attribute.tensors
            if attribute.HasField("t"):
                yield attribute.t
            for graph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                yield from graph.initializer
                waiting += graph.node


def _port(onnx: ModuleType, value: Any) -> Port:
    tensor = value.type.tensor_type
    shape = tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim)
    kinds = onnx.TensorProto.DataType
    kind = kinds.Name(tensor.elem_type).lower() if tensor.elem_type in kinds.values() else "unknown"
    return Port(name=value.name, kind=kind, shape=shape)
