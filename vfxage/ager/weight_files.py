"""Files of weights as untrusted input: PyTorch's, safetensors, and TensorFlow's, to tensors by name.

Tensors are read with ``weights_only=True`` or by safetensors, and sizes are compared with the file's before memory is
taken. Where the format allows it, tensors are mapped from the file and take memory only when they are used.
"""

from __future__ import annotations

import argparse
import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import safetensors
import torch
from torch import Tensor

from vfxage.ager.sauravsjk import NAMES
from vfxage.ager.tensorflow_bundle import find_index, read_bundle
from vfxage.errors import ModelError
from vfxage.frames import check_utf8

WRAPPERS = (
    "state_dict",
    "model_state_dict",
    "model",
    "generator",
    "g_ema",
    "netG",
    "params_ema",
    "params",
    "ema",
    "net",
)
"""Keys under which trainers put the weights beside other things, in order of preference."""
_WRAPPED = re.compile(r"(?:(?<=\.)|^)(?:module|_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
"""What DataParallel, torch.compile and their like put into the name of a tensor, before the network or a part of it."""
_COUNTED = "n_averaged"
"""How many states torch's AveragedModel has averaged: a tensor beside the weights that belongs to no network."""
_LFS_POINTER = b"version https://git-lfs"
"""Beginning of the text that Git LFS leaves in the place of a file that it has not fetched."""
_POINTER_BYTES = 1024
"""Pointers of Git LFS are shorter than this."""
HEADER = "vfxage"
"""Key of our JSON header in a safetensors file's metadata."""
BESIDE = ("latent_avg",)
"""Tensors that a trainer keeps beside the wrapped weights, and that belong to them (SAM)."""
TOWARDS_OLD = "genA2B."
"""Fast-AgingGAN's trainer keeps four networks; its checkpoint's keys of the one from young to old begin so."""


def read_file(path: Path) -> tuple[dict[str, Any], str | None]:
    """The file's tensors by name, as yet compared with nothing, and its vfxage header where it has one.

    A folder is a TensorFlow SavedModel. Raises ModelError for what is missing, damaged or hostile.
    """
    if index := find_index(path):
        return {NAMES.get(key, key): value for key, value in read_bundle(index).items()}, None
    found, header = _read(path)
    return _unwrap(found, path), header


def read_state(path: str | Path) -> dict[str, Any]:
    """The tensors of any weights file by name, compared with no network; see ``read_file`` for its errors."""
    return read_file(Path(path))[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightFile:
    """A file of weights that was read, for reading parts of it again."""

    path: Path
    state: tuple[int, int, int]
    """Number, size and modification time of the file when it was read."""
    mapped: bool
    """Whether its tensors are mapped from the file: PyTorch's zip and safetensors, not its older format."""

    @classmethod
    def of(cls, path: Path) -> WeightFile:
        """Note what the file is now."""
        start = b"" if find_index(path) else _start(path)
        return cls(path=path, state=_state(path), mapped=start[:2] == b"PK" or start[8:] == b"{")

    def part(self, name: str) -> dict[str, Tensor]:
        """Map the tensors of one part of the network, by their names inside it.

        Raises ModelError where the file has changed, and what ``read_file`` raises.
        """
        state, _ = read_file(self.path)
        if _state(self.path) != self.state:
            fail(self.path, "has changed while it was in use", "run the same command again")
        prefix = f"{name}."
        return {
            key.removeprefix(prefix): value.float() if value.is_floating_point() else value
            for key, value in state.items()
            if key.startswith(prefix)
        }


def _state(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _start(path: Path) -> bytes:
    """The first nine bytes, which tell the containers apart."""
    with path.open("rb") as file:
        return file.read(9)


def fail(path: Path, what: str, fix: str = "download or copy it again") -> NoReturn:
    """Raise ModelError for a file of weights."""
    raise ModelError(what, path=path, fix=fix)


def _read(path: Path) -> tuple[Any, str | None]:
    """The file's content and, from a safetensors file of ours, its header."""
    check_utf8(path)
    try:
        size = path.stat().st_size
        if path.is_dir():
            fail(path, "is a folder without variables.index", "give a weights file, or the folder of a SavedModel")
        start = _start(path)
    except FileNotFoundError as error:
        raise ModelError("no such file", path=path, fix="check the path") from error
    except OSError as error:
        raise ModelError(
            f"checkpoint cannot be read ({error.strerror})", path=path, fix="check the path and its permissions"
        ) from error
    if size == 0:
        fail(path, "is empty")
    claimed = struct.unpack("<Q", start[:8])[0] if start[8:] == b"{" else None
    if claimed is not None and claimed <= size - 8:  # first: the length of a header may begin as the others do
        return _read_safetensors(path)
    if start[:2] == b"PK":
        _check_zip(path, size)
        return _read_torch(path, mapped=True), None
    if start[:1] == b"\x80":
        return _read_torch(path, mapped=False), None
    if size < _POINTER_BYTES and path.read_bytes().startswith(_LFS_POINTER):
        fail(path, "is a pointer of Git LFS, not the weights themselves", "fetch them with `git lfs pull`")
    if claimed is not None:
        fail(path, f"is damaged: its header claims {claimed} bytes, the file has {size}")
    fail(path, "holds no checkpoint, whatever its name says", "give a file that torch or safetensors has written")


def _check_zip(path: Path, size: int) -> None:
    """PyTorch stores without compression: members that add up to more than the file are a lie or a bomb."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise ModelError("is a truncated or damaged archive", path=path, fix="download or copy it again") from error
    if any(member.filename.endswith("/constants.pkl") for member in members):
        what = "is a TorchScript program, not weights alone"
        fail(path, what, "save its state_dict() with torch.save, or as .safetensors")
    claimed = sum(member.file_size for member in members)
    if claimed > size:
        what = f"is compressed: its members claim {claimed} bytes, the file has {size}, and torch compresses nothing"
        fail(path, what, "unpack it, or get the file as torch.save wrote it")
    if not any(member.filename.endswith("data.pkl") for member in members):
        fail(path, "is an archive that torch.save did not write", "save the network's state_dict() with torch.save")


def _read_torch(path: Path, *, mapped: bool) -> Any:
    try:
        # Trainers save their arguments beside the weights. A Namespace is a class of plain values that runs nothing.
        with warnings.catch_warnings(), torch.serialization.safe_globals([argparse.Namespace]):
            warnings.simplefilter("ignore")  # torch remarks on old containers; what matters of them is checked here
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        asked = re.search(r"(?:GLOBAL|Unsupported class|function) [`']?([\w.]+)", str(error))
        wish = f"asks to run or build {asked[1]}" if asked else "holds more than tensors, or is damaged"
        raise ModelError(
            f"was refused: its pickle {wish}, and a checkpoint may hold only tensors",
            path=path,
            fix="get it from its author as a plain state_dict or as safetensors",
        ) from error
    except MemoryError:
        raise
    # Whatever a torn or forged file makes torch's reader trip over is a fault of the file.
    except Exception as error:
        if "maximum supported version" in str(error):
            raise ModelError("is of a later torch than this one", path=path, fix="save it as safetensors") from error
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
    beside: dict[str, Any] = {}
    for _ in range(3):
        inner = _wrapped(found)
        if inner is None:
            break
        beside |= {key: found[key] for key in BESIDE if isinstance(found.get(key), Tensor)}
        found = inner
    if isinstance(found, Mapping) and "learner" in found:
        fail(path, "is the state of a training run", "name one of the .safetensors beside it")
    if not isinstance(found, Mapping) or not any(isinstance(value, Tensor) for value in found.values()):
        fail(path, f"holds no weights but {type(found).__name__}", "save the network's state_dict() itself")
    state = {str(key): value for key, value in found.items()}
    if any(key.startswith(TOWARDS_OLD) for key in state):
        state = {key.removeprefix(TOWARDS_OLD): state[key] for key in state if key.startswith(TOWARDS_OLD)}
    state.pop(_COUNTED, None)
    bare = _without_wrappers(state, path)
    # A state of nn.Parameter carries gradients, which numpy and safetensors refuse.
    return {key: value.detach() if isinstance(value, Tensor) else value for key, value in (bare | beside).items()}


def _without_wrappers(state: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The state without what wrappers put into names; ModelError where two names become one."""
    own: dict[str, str] = {}
    for key in state:
        bare = _WRAPPED.sub("", key)
        if bare in own:
            fail(path, f"has a tensor twice, as {own[bare]} and as {key}", "save one network's state_dict()")
        own[bare] = key
    return {bare: state[key] for bare, key in own.items()}


def _wrapped(found: Any) -> Mapping[Any, Any] | None:
    """What a trainer has put the weights under; None where ``found`` holds them itself."""
    if not isinstance(found, Mapping):
        return None
    return next((found[key] for key in WRAPPERS if isinstance(found.get(key), Mapping)), None)
