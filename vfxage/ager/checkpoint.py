"""Checkpoints in and out: published weights as they come, and vfxage's own safetensors.

A checkpoint is untrusted input (``weight_files.py`` reads it): every tensor is compared with what its network has.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from vfxage.ager.architectures import ARCHITECTURES, Architecture, Encoding
from vfxage.ager.picture import PictureNetwork
from vfxage.ager.stylegan2 import fir_kernel
from vfxage.ager.unet import FILTER, binomial
from vfxage.ager.weight_files import HEADER, WeightFile, fail, read_file
from vfxage.errors import ModelError
from vfxage.publish import publish
from vfxage.types import Framing, FramingName

CONSTANTS = (".filt", ".kernel")
"""Ends of the names of fixed filters, which files may leave out."""


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
    file: WeightFile
    """Where they come from."""

    def network(self, *, lean: bool = False) -> nn.Module:
        """Build the network with these weights, ready for inference, on the CPU.

        ``lean`` lets a network that is too large to keep map some weights from the file each time it runs.
        """
        with torch.device("meta"):
            network = self.architecture.build()
        network.load_state_dict(dict(self.state), strict=True, assign=True)
        network.eval().requires_grad_(False)
        if lean and isinstance(network, PictureNetwork) and self.file.mapped:
            network.lend(self.file.part)
        return network


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint and recognise its network by its keys.

    Accepts safetensors, or PyTorch's format with a bare state dict or one wrapped by a trainer. Raises ModelError for a
    file that is missing, damaged, hostile or of an unknown network, or with a tensor that does not fit its network.
    """
    path = Path(path)
    return fit(*read_file(path), path)


def fit(state: dict[str, Any], header: str | None, path: Path) -> Checkpoint:
    """Find the network of what ``read_file`` gave and compare it tensor by tensor; ModelError where it does not fit."""
    row = recognise(state, header, path)
    whole = checked(state, _expected(row), row.name, path)
    return Checkpoint(
        architecture=row,
        state=whole,
        fingerprint=_fingerprint(whole),
        ours=header is not None,
        file=WeightFile.of(path),
    )


def recognise(state: Mapping[str, Any], header: str | None, path: Path) -> Architecture:
    """The network that a file's header names, or its keys, whether or not its tensors fit; else ModelError."""
    return _by_keys(state, path) if header is None else _from_header(header, path)


def save_checkpoint(
    path: str | Path, architecture: Architecture, state: Mapping[str, Tensor], *, half: bool = False
) -> None:
    """Write weights as safetensors with a header that says how to use them; the file appears complete or not at all.

    ``half`` writes the kernels (tensors of two or more dimensions) as float16, at half the size; biases and norms stay.
    Raises ModelError where the state does not fit the architecture, or a kernel is too large for float16, WriteError
    where the file cannot be written.
    """
    path = Path(path)
    whole = checked(dict(state), _expected(architecture), architecture.name, path)
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
                fail(path, f"tensor {key} does not fit into half precision", "write it without --half")
    with publish(path) as partial:
        try:
            safetensors.torch.save_file(tensors, partial, {HEADER: json.dumps(header)})
        except safetensors.SafetensorError as error:
            raise OSError(str(error)) from error


# ---- which network, and does it fit --------------------------------------------------------------------------------


def _expected(row: Architecture) -> dict[str, Tensor]:
    """The network's own state, shapes and dtypes only."""
    with torch.device("meta"):
        return row.build().state_dict()


def _by_keys(state: Mapping[str, Any], path: Path) -> Architecture:
    """The row whose network shares most keys with the file, more than half of its own; of equals, most shapes."""
    own = {name: _expected(row) for name, row in ARCHITECTURES.items()}
    share = {name: len(keys & state.keys()) / len(keys) for name, keys in ((n, o.keys()) for n, o in own.items())}
    best = max(share, key=lambda name: (share[name], _same_shapes(own[name], state)))
    if share[best] > 0.5:
        return ARCHITECTURES[best]
    near = f"; nearest is {best}, which has {share[best]:.0%} of its tensors here" if share[best] else ""
    raise ModelError(
        f"is of a network that vfxage does not know ({len(state)} tensors, first {min(state)!r}{near})",
        path=path,
        fix=f"known are {', '.join(ARCHITECTURES)}",
    )


def _same_shapes(own: Mapping[str, Tensor], state: Mapping[str, Any]) -> int:
    return sum(value.shape == getattr(state.get(key), "shape", None) for key, value in own.items())


def _from_header(text: str, path: Path) -> Architecture:
    """The row a header of ours names, with the header's own settings."""
    fix = "write it again with save_checkpoint"
    try:
        header = json.loads(text)
        if header.pop("version") != 1:
            fail(path, "has a header of a later vfxage", "install a newer vfxage")
        name = header.pop("architecture")
        if name not in ARCHITECTURES:
            near = difflib.get_close_matches(str(name), ARCHITECTURES, n=1)
            hint = f", nearest is {near[0]}" if near else ""
            fail(path, f"names an unknown architecture {name!r}{hint}", f"known are {', '.join(ARCHITECTURES)}")
        framing = Framing(name=header.pop("framing"))
        sizes = tuple(int(size) for size in header.pop("sizes"))
        low, high = (float(age) for age in header.pop("ages"))
        row = replace(ARCHITECTURES[name], framing=framing, sizes=sizes, ages=(low, high), **header)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"has a bad vfxage header ({error})", path=path, fix=fix) from error
    sound = row.encoding in get_args(Encoding) and framing.name in get_args(FramingName) and 0 <= low < high
    if (
        not sound
        or not sizes
        or sorted(sizes) != list(sizes)
        or any(size < 16 or size % row.multiple for size in sizes)
    ):
        fail(path, "has a vfxage header with impossible settings", fix)
    return row


def checked(state: dict[str, Any], expected: Mapping[str, Tensor], name: str, path: Path) -> dict[str, Tensor]:
    """The state, complete; ModelError names the first tensor that is not the network's, whose own are ``expected``."""
    fix = f"give weights of {name} as its trainer saved them"
    unexpected = sorted(state.keys() - expected.keys())
    missing = sorted(key for key in expected.keys() - state.keys() if not key.endswith(CONSTANTS))
    for what, keys in (("lacks", missing), ("has an unexpected", unexpected)):
        if keys:
            more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
            fail(path, f"{what} tensor {keys[0]}{more} for {name}", fix)
    whole = {}
    for key, want in expected.items():
        constant = _constant(key, want)
        value = constant if constant is not None and key not in state else state[key]
        if _is_rounded(value, want):
            value = value.to(want.dtype)
        if fault := _fault(value, want, constant, variance=key.endswith("running_var")):
            fail(path, f"tensor {key} {fault}", fix)
        whole[key] = value if constant is None else constant
    return whole


def _constant(key: str, want: Tensor) -> Tensor | None:
    """The fixed filter that a tensor must be; None for weights."""
    if key.endswith(".filt"):
        return binomial(len(want), FILTER)
    if key.endswith(".kernel"):
        doubling = key.endswith(("blur.kernel", "upsample.kernel"))
        return fir_kernel(4.0 if doubling else 1.0)
    return None


def _is_rounded(value: Any, want: Tensor) -> bool:
    """Whether a tensor is one of the network's with another precision, such as float16, bfloat16 or float64."""
    real = isinstance(value, Tensor) and value.is_floating_point()
    return real and want.dtype == torch.float32 and value.shape == want.shape and value.dtype != want.dtype


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
