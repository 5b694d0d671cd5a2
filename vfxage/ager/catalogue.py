"""List, describe and try agers: the ones that are installed, the known networks, and files."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vfxage.ager import ARCHITECTURES, Ager, Architecture, load_ager, model_file, shipped_file
from vfxage.ager.checkpoint import CONSTANTS, fit, load_checkpoint, recognise, save_checkpoint
from vfxage.ager.cost import architecture_cost, onnx_macs
from vfxage.ager.onnx_ager import FACEFUSION, OnnxAger, crop_sizes, pixel_scale, whole_face_fault
from vfxage.ager.onnx_file import OnnxFile, read_onnx
from vfxage.ager.onnx_weights import import_onnx
from vfxage.ager.tensorflow_bundle import data_files, find_index
from vfxage.ager.weight_files import read_file
from vfxage.arrays import ArrayData, shaped
from vfxage.errors import ModelError
from vfxage.shot.models import MODELS
from vfxage.types import F32, FaceCrop

Facts = dict[str, Any]

_RUNS = 3
"""Times an ager runs for its time; the shortest counts."""
_UNSTATED = "not stated in the file; ask its author before commercial work"


def list_models() -> Facts:
    """List the names that ``model:`` accepts, and the networks whose weight files it accepts."""
    agers = []
    for name in MODELS:
        ager = load_ager(name, "cpu")
        agers.append({"model": name, "sizes": list(ager.sizes), "framing": ager.framing.name, "what": ager.note})
    return {"agers": agers, "networks": [_network(row) for row in ARCHITECTURES.values()]}


def _network(row: Architecture) -> Facts:
    with torch.device("meta"):
        state = row.build().state_dict()
    return {"network": row.name, "parameters": _weights(state), **_settings(row)}


def _settings(row: Architecture) -> Facts:
    return {
        "answers": row.answers,
        "ages": f"{row.ages[0]:g} to {row.ages[1]:g}" + (", older only" if row.older_only else ""),
        **({"groups": ", ".join(row.groups)} if row.groups else {}),
        "framing": row.framing.name,
        "sizes": list(row.sizes),
        "trained at": row.native,
        "pixels": row.encoding,
        "licence": row.licence,
    }


def _cost(row: Architecture) -> str:
    cost = architecture_cost(row)
    text = f"{cost.first / 1e9:.1f} GMAC at {row.native} px"
    return text if cost.further == cost.first else f"{text}, {cost.further / 1e9:.1f} for each further age"


def _weights(state: dict[str, Any]) -> int:
    """How many numbers are learned: of floating point, neither statistics of norms nor fixed filters."""
    fixed = ("running_mean", "running_var", *CONSTANTS)
    return sum(
        value.numel()
        for key, value in state.items()
        if isinstance(value, Tensor) and value.is_floating_point() and not key.endswith(fixed)
    )


# ---- one file ------------------------------------------------------------------------------------------------------


def show_model(model: str) -> Facts:
    """Describe a model file, or an ager that comes with vfxage; see ``load_ager`` for what is raised."""
    if model not in MODELS:
        return show_file(model_file(model))
    shipped = shipped_file(model)
    ager = load_ager(model, "cpu")
    kept = {"framing": ager.framing.name, "sizes": list(ager.sizes), "fingerprint": ager.fingerprint}
    facts = show_file(shipped) if shipped else kept
    return {"model": model} | facts | {"what": ager.note}


def show_file(path: Path) -> Facts:
    """Say what a file is; ModelError for one that is missing or damaged, InstallError for ONNX without the extra."""
    if path.suffix.lower() == ".onnx":
        return _onnx_facts(read_onnx(path))
    state, header = read_file(path)
    tensors = {key: value for key, value in state.items() if isinstance(value, Tensor)}
    kinds = Counter(str(value.dtype).removeprefix("torch.") for value in tensors.values())
    if index := find_index(path):
        facts = _file(index, "TensorFlow") | {"data files": [file.name for file in data_files(index)]}
    else:
        with path.open("rb") as file:
            packed = file.read(9)[8:] == b"{"
        facts = _file(path, "safetensors" if packed else "PyTorch")
    facts |= {
        "written by": "vfxage" if header else "others",
        "tensors": len(tensors),
        "parameters": _weights(tensors),
        "numbers": ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()),
    }
    try:
        row = recognise(state, header, path)
    except ModelError as error:
        return facts | {"network": f"unknown: {error.what}", "first tensors": sorted(tensors)[:3], "licence": _UNSTATED}
    facts |= {"network": row.name, **_settings(row), "cost": _cost(row)}
    try:
        checkpoint = fit(state, header, path)
    except ModelError as error:
        return facts | {"does not fit": error.what}
    if header:
        facts["header"] = json.loads(header)
    return facts | {"fingerprint": checkpoint.fingerprint}


def _file(path: Path, kind: str) -> Facts:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"file": str(path), "format": kind, "bytes": path.stat().st_size, "sha256": digest}


def _onnx_facts(file: OnnxFile) -> Facts:
    model = file.model
    fault = whole_face_fault(file)
    count = sum(math.prod(tensor.dims) for tensor in model.graph.initializer)
    facts = _file(file.path, "ONNX") | {
        "made by": f"{model.producer_name} {model.producer_version}".strip() or "not stated",
        "opset": ", ".join(f"{entry.domain or 'ai.onnx'} {entry.version}" for entry in model.opset_import),
        "inputs": [str(port) for port in file.inputs],
        "outputs": [str(port) for port in file.outputs],
        "nodes": len(model.graph.node),
        "parameters": count,
        "runs as it is": f"no: {fault}; see `vfxage models convert`" if fault else "yes: target and direction, as FRAN",
    }
    if not fault:
        sizes = crop_sizes(file)
        macs = onnx_macs(file, sizes[-1])
        facts |= {
            "framing": OnnxAger.framing.name,
            "sizes": list(sizes),
            "ages": "0 to 100",
            "pixels": pixel_scale(file),
        }
        facts |= {"cost": f"{macs / 1e9:.1f} GMAC at {sizes[-1]} px"} if macs else {}
    return facts | {"licence": FACEFUSION.get(file.digest, _UNSTATED)}


def convert_file(source: Path, out: Path, *, half: bool) -> Facts:
    """Write the weights of a published, trained or ONNX file as vfxage's own, and say what was written.

    Raises ModelError for what is damaged or of no known network, WriteError where ``out`` cannot be written.
    """
    if source.suffix.lower() == ".onnx":
        row, state = import_onnx(source)
    else:
        checkpoint = load_checkpoint(source)
        row, state = checkpoint.architecture, dict(checkpoint.state)
    save_checkpoint(out, row, state, half=half)
    return show_file(out)


# ---- one face ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Trial(ArrayData):
    """How an ager answered for one crop."""

    step: F32 = field(metadata=shaped("S", "S", 3))
    """(S, S, 3) encoded sRGB difference."""
    at_rest: float
    """Largest change at equal ages."""
    seconds: float
    """Of one call."""

    def facts(self, ager: Ager, crop: FaceCrop) -> Facts:
        """The figures, for people."""
        size = np.abs(self.step)
        inside = float((size * crop.matte[..., None]).sum()) / max(float(size.sum()), 1e-9)
        return {
            "ager": ager.note,
            "crop": f"{crop.rgb.shape[0]} px, framed {ager.framing.name}",
            "ages": f"{crop.ages[0]:g} to {crop.ages[1]:g}",
            "delta": {
                "least": _short(self.step.min()),
                "most": _short(self.step.max()),
                "mean size": _short(size.mean()),
            },
            "share inside the matte": _short(inside),
            "most at equal ages": _short(self.at_rest),
            "milliseconds": round(self.seconds * 1000, 1),
        }


def _short(value: Any) -> float:
    return float(f"{float(value):.4g}")


def synthetic_picture(size: int) -> F32:
    """Skin-coloured soft noise with grain, (size, size, 3) sRGB 0..1: no face, but what makes a network answer."""
    draw = np.random.default_rng(0)
    coarse = torch.from_numpy(draw.normal(0, 0.12, (1, 1, 9, 9)).astype(np.float32))
    soft = torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic", align_corners=False)[0, 0].numpy()
    grain = draw.normal(0, 0.01, (size, size, 3)).astype(np.float32)
    skin = np.array([0.72, 0.55, 0.46], np.float32)
    return np.asarray(np.clip(skin + soft[..., None] + grain, 0, 1), np.float32)


def try_ager(ager: Ager, crop: FaceCrop) -> Trial:
    """Run an ager on one crop, and once more at equal ages; see ``Ager`` for what it raises."""
    times = []
    for _ in range(_RUNS):
        begin = time.perf_counter()
        step = _step(ager, crop, crop.ages)
        times.append(time.perf_counter() - begin)
    rest = _step(ager, crop, (crop.ages[0], crop.ages[0]))
    return Trial(step=step, at_rest=float(np.abs(rest).max()), seconds=min(times))


def _step(ager: Ager, crop: FaceCrop, ages: tuple[float, float]) -> F32:
    asked = FaceCrop(
        face=crop.face,
        name=crop.name,
        rgb=crop.rgb,
        points=crop.points,
        matte=crop.matte,
        to_frame=crop.to_frame,
        ages=ages,
        intensity=1.0,
    )
    (answer,) = ager([asked])
    if not np.isfinite(answer.step).all():
        raise ModelError("the network answered NaN or Inf")
    return answer.step
