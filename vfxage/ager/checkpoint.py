"""Checkpoints in and out: published PyTorch files as they come, and vfxage's own safetensors.

A checkpoint is untrusted input: tensors are read with ``weights_only=True`` or by safetensors, sizes are compared with
the file's before memory is taken, and every tensor is compared with what its network has.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn, get_args

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from vfxage.ager.architectures import ARCHITECTURES, Architecture, Encoding
from vfxage.ager.unet import FILTER, binomial
from vfxage.errors import ModelError
from vfxage.publish import publish
from vfxage.types import Framing

WRAPPERS = ("state_dict", "model_state_dict", "model", "generator", "netG", "params_ema", "params", "ema", "net")
"""Keys under which trainers put the weights beside other things, in order of preference."""
PREFIXES = ("module.", "_orig_mod.")
"""Put before every key by DataParallel and torch.compile."""
HEADER = "vfxage"
"""Key of our JSON header in a safetensors file's metadata."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Weights that fit their network, every tensor checked."""

    architecture: Architecture
    """Its row, overruled by the file's own header where it has one."""
    state: Mapping[str, Tensor]
    """Complete: constants that the file left out are filled in."""
    fingerprint: str
    """sha256 over the sorted tensors: the same for the same weights in any container."""
    ours: bool
    """Written by ``save_checkpoint``."""

    def network(self) -> nn.Module:
        """Build the network with these weights, ready for inference, on the CPU."""
        with torch.device("meta"):
            network = self.architecture.build()
        network.load_state_dict(dict(self.state), strict=True, assign=True)
        return network.eval().requires_grad_(False)


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint and recognise its network by its keys.

    Accepts safetensors, or PyTorch's format with a bare state dict or one wrapped by a trainer. Raises ModelError for a
    file that is missing, damaged, hostile or of an unknown network, or with a tensor that does not fit its network.
    """
    path = Path(path)
    return fit(*read_file(path), path)


def read_file(path: Path) -> tuple[dict[str, Any], str | None]:
    """The file's tensors by name, as yet compared with nothing, and its vfxage header where it has one."""
    found, header = _read(path)
    return _unwrap(found, path), header


def fit(state: dict[str, Any], header: str | None, path: Path) -> Checkpoint:
    """Find the network of what ``read_file`` gave and compare it tensor by tensor; ModelError where it does not fit."""
    row = recognise(state, header, path)
    whole = _checked(state, row, path)
    return Checkpoint(architecture=row, state=whole, fingerprint=_fingerprint(whole), ours=header is not None)


def recognise(state: Mapping[str, Any], header: str | None, path: Path) -> Architecture:
    """The network that a file's header names, or its keys, whether or not its tensors fit; else ModelError."""
    return _by_keys(state, path) if header is None else _from_header(header, path)


def read_state(path: str | Path) -> dict[str, Any]:
    """The tensors of any checkpoint file by name, compared with no network; see ``load_checkpoint`` for its errors."""
    return read_file(Path(path))[0]


def save_checkpoint(
    path: str | Path, architecture: Architecture, state: Mapping[str, Tensor], *, half: bool = False
) -> None:
    """Write weights as safetensors with a header that says how to use them; the file appears complete or not at all.

    ``half`` writes the kernels (tensors of two or more dimensions) as float16, at half the size; biases and norms stay.
    Raises ModelError where the state does not fit the architecture, or a kernel is too large for float16, WriteError
    where the file cannot be written.
    """
    path = Path(path)
    whole = _checked(dict(state), architecture, path)
    header = {
        "version": 1,
        "architecture": architecture.name,
        "framing": architecture.framing.name,
        "sizes": architecture.sizes,
        "native": architecture.native,
        "encoding": architecture.encoding,
        "ages": architecture.ages,
        "licence": architecture.licence,
    }
    tensors = {key: value.contiguous() for key, value in whole.items()}
    if half:
        tensors = {key: value.half() if value.ndim >= 2 else value for key, value in tensors.items()}
        for key, value in tensors.items():
            if not torch.isfinite(value).all():
                _fail(path, f"tensor {key} does not fit into half precision", "write it without --half")
    data = safetensors.torch.save(tensors, {HEADER: json.dumps(header)})
    with publish(path) as partial:
        partial.write_bytes(data)


# ---- containers ----------------------------------------------------------------------------------------------------


def _fail(path: Path, what: str, fix: str = "download or copy it again") -> NoReturn:
    raise ModelError(what, path=path, fix=fix)


def _read(path: Path) -> tuple[Any, str | None]:
    """The file's content and, from a safetensors file of ours, its header."""
    try:
        size = path.stat().st_size
        if path.is_dir():
            _fail(path, "is a folder", "give a .pth, .pt or .safetensors file")
        with path.open("rb") as file:
            start = file.read(9)
    except FileNotFoundError as error:
        raise ModelError("no such file", path=path, fix="check the path") from error
    except OSError as error:
        raise ModelError(
            f"checkpoint cannot be read ({error.strerror})", path=path, fix="check the path and its permissions"
        ) from error
    if size == 0:
        _fail(path, "is empty")
    claimed = struct.unpack("<Q", start[:8])[0] if start[8:] == b"{" else None
    if claimed is not None and claimed <= size - 8:  # first: the length of a header may begin as the others do
        return _read_safetensors(path)
    if start[:2] == b"PK":
        _check_zip(path, size)
        return _read_torch(path), None
    if start[:1] == b"\x80":
        return _read_torch(path), None
    if claimed is not None:
        _fail(path, f"is damaged: its header claims {claimed} bytes, the file has {size}")
    _fail(path, "holds no checkpoint, whatever its name says", "give a file that torch or safetensors has written")


def _check_zip(path: Path, size: int) -> None:
    """PyTorch stores without compression: members that add up to more than the file are a lie or a bomb."""
    try:
        with zipfile.ZipFile(path) as archive:
            claimed = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise ModelError("is a truncated or damaged archive", path=path, fix="download or copy it again") from error
    if claimed > size:
        _fail(path, f"is damaged: its members claim {claimed} bytes, the file has {size}")


def _read_torch(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch remarks on old containers; what matters of them is checked here
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        asked = re.search(r"(?:GLOBAL|Unsupported class|function) [`']?([\w.]+)", str(error))
        wish = f"asks to run or build {asked[1]}" if asked else "holds more than tensors, or is damaged"
        raise ModelError(
            f"was refused: its pickle {wish}, and a checkpoint may hold only tensors",
            path=path,
            fix="get it from its author as a plain state_dict or as safetensors",
        ) from error
    # Whatever a torn or forged file makes torch's reader trip over is a fault of the file.
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0][:120] or type(error).__name__
        raise ModelError(f"is damaged ({reason})", path=path, fix="download or copy it again") from error


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], str | None]:
    try:
        with safetensors.safe_open(path, framework="pt", device="cpu") as file:
            header = (file.metadata() or {}).get(HEADER)
            return {key: file.get_tensor(key) for key in file.keys()}, header  # noqa: SIM118
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"is damaged ({error})", path=path, fix="download or copy it again") from error


def _unwrap(found: Any, path: Path) -> dict[str, Any]:
    """The state dict inside what a trainer saved, without the prefixes that wrappers add."""
    for _ in range(3):
        if not isinstance(found, Mapping) or any(isinstance(value, Tensor) for value in found.values()):
            break
        inner = next((found[key] for key in WRAPPERS if isinstance(found.get(key), Mapping)), None)
        if inner is None:
            break
        found = inner
    if isinstance(found, Mapping) and "learner" in found:
        _fail(path, "is the state of a training run", "name one of the .safetensors beside it")
    if not isinstance(found, Mapping) or not any(isinstance(value, Tensor) for value in found.values()):
        _fail(path, f"holds no weights but {type(found).__name__}", "save the network's state_dict() itself")
    state = {str(key): value for key, value in found.items()}
    for prefix in PREFIXES:
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


# ---- which network, and does it fit --------------------------------------------------------------------------------


def _expected(row: Architecture) -> dict[str, Tensor]:
    """The network's own state, shapes and dtypes only."""
    with torch.device("meta"):
        return row.build().state_dict()


def _by_keys(state: Mapping[str, Any], path: Path) -> Architecture:
    """The row whose network shares most keys with the file: more than half of its own."""
    own = {name: set(_expected(row)) for name, row in ARCHITECTURES.items()}
    share = {name: len(keys & state.keys()) / len(keys) for name, keys in own.items()}
    best = max(share, key=lambda name: share[name])
    if share[best] > 0.5:
        return ARCHITECTURES[best]
    near = f"; nearest is {best}, which has {share[best]:.0%} of its tensors here" if share[best] else ""
    _fail(
        path,
        f"is of a network that vfxage does not know ({len(state)} tensors, first {min(state)!r}{near})",
        f"known are {', '.join(ARCHITECTURES)}",
    )


def _from_header(text: str, path: Path) -> Architecture:
    """The row a header of ours names, with the header's own settings."""
    fix = "write it again with save_checkpoint"
    try:
        header = json.loads(text)
        if header.pop("version") != 1:
            _fail(path, "has a header of a later vfxage", "install a newer vfxage")
        name = header.pop("architecture")
        if name not in ARCHITECTURES:
            near = difflib.get_close_matches(str(name), ARCHITECTURES, n=1)
            hint = f", nearest is {near[0]}" if near else ""
            _fail(path, f"names an unknown architecture {name!r}{hint}", f"known are {', '.join(ARCHITECTURES)}")
        framing = Framing(name=header.pop("framing"))
        sizes = tuple(int(size) for size in header.pop("sizes"))
        low, high = (float(age) for age in header.pop("ages"))
        row = replace(ARCHITECTURES[name], framing=framing, sizes=sizes, ages=(low, high), **header)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"has a bad vfxage header ({error})", path=path, fix=fix) from error
    sound = row.encoding in get_args(Encoding) and framing.name in ("ffhq", "wide") and 0 <= low < high
    if (
        not sound
        or not sizes
        or sorted(sizes) != list(sizes)
        or any(size < 16 or size % row.multiple for size in sizes)
    ):
        _fail(path, "has a vfxage header with impossible settings", fix)
    return row


def _checked(state: dict[str, Any], row: Architecture, path: Path) -> dict[str, Tensor]:
    """The state, complete; ModelError names the first tensor that is not the network's."""
    expected = _expected(row)
    fix = f"give weights of {row.name} as its trainer saved them"
    unexpected = sorted(state.keys() - expected.keys())
    missing = sorted(key for key in expected.keys() - state.keys() if not key.endswith(".filt"))
    for what, keys in (("lacks", missing), ("has an unexpected", unexpected)):
        if keys:
            more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
            _fail(path, f"{what} tensor {keys[0]}{more} for {row.name}", fix)
    whole = {}
    for key, want in expected.items():
        constant = binomial(len(want), FILTER) if key.endswith(".filt") else None
        value = constant if constant is not None and key not in state else state[key]
        if _is_half_of(value, want):
            value = value.to(want.dtype)
        if fault := _fault(value, want, constant, variance=key.endswith("running_var")):
            _fail(path, f"tensor {key} {fault}", fix)
        whole[key] = value if constant is None else constant
    return whole


def _is_half_of(value: Any, want: Tensor) -> bool:
    """Whether a tensor is one of the network's, stored as float16: kernels by ``save_checkpoint``, all by others."""
    halved = isinstance(value, Tensor) and value.dtype == torch.float16
    return halved and want.dtype == torch.float32 and value.shape == want.shape


def _fault(value: Any, want: Tensor, constant: Tensor | None, *, variance: bool) -> str:
    """What is wrong with one tensor, or nothing; shapes first, so that a forged one costs no memory."""
    if not isinstance(value, Tensor):
        return f"is a {type(value).__name__}, not a tensor"
    if value.shape != want.shape or value.dtype != want.dtype:
        return f"is {_kind(value)}, expected {_kind(want)}"
    if value.layout != torch.strided or value.device.type != "cpu":
        return "is not a plain tensor"
    if not torch.isfinite(value).all():
        return "has values that are NaN or Inf"
    if constant is not None and not torch.allclose(value, constant, atol=1e-6, rtol=0):
        return "is not the constant filter it should be"
    if variance and (value < 0).any():
        return "is a variance and has negative values"
    return ""


def _kind(value: Tensor) -> str:
    shape = "x".join(str(size) for size in value.shape) or "scalar"
    return f"{shape} {str(value.dtype).removeprefix('torch.')}"


def _fingerprint(state: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for key in sorted(state):
        digest.update(f"{key} {_kind(state[key])}\n".encode())
        digest.update(state[key].contiguous().numpy().data)
    return digest.hexdigest()
