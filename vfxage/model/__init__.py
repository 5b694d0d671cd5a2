"""Agers: crops in, encoded steps out. ``load_ager`` is the door; torch is imported only behind it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Protocol

from vfxage.errors import ShotError
from vfxage.model.architectures import ARCHITECTURES, Architecture
from vfxage.types import FrameCrops, FrameDeltas, Framing

__all__ = ["ARCHITECTURES", "Ager", "Architecture", "load_ager"]


class Ager(Protocol):
    """Ages the faces of frames; a pure function of each crop, so that any split of the work gives the same bits."""

    name: str
    """prototype, bands, onnx, the architecture's name, or "fran" for a vfxage checkpoint."""
    fingerprint: str
    """Changes whenever the answers may: weights, settings, method, kind of device."""
    framing: Framing
    """How ``crop`` must frame a face for it."""
    sizes: tuple[int, ...]
    """Crop sizes it takes, ascending, pixels."""
    group: int
    """Frames to hand over per call."""
    workers_default: int
    """Threads that should call it at once."""
    note: str
    """One line for people: what it is, where it runs, what to know."""

    def __call__(self, group: Sequence[FrameCrops]) -> list[FrameDeltas]:
        """Answer one FrameDeltas per FrameCrops, faces in the same order; many threads may call at once."""
        ...


def load_ager(model: str, device: str = "auto") -> Ager:
    """Make the ager a shot's ``model:`` names: "builtin", "prototype", "small", "bands", or a file that holds one.

    ``device`` is auto, cpu, cuda or cuda:N. Raises ShotError for a device that is not here, ModelError for a checkpoint
    that is missing, damaged, hostile or of an unknown network, InstallError for ONNX without the extra.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", device):
        raise ShotError(f"unknown device {device!r}", fix="use auto, cpu, cuda or cuda:N")
    if model == "bands":
        from vfxage.model.bands import Bands

        return Bands(device=device)
    if model in ("builtin", "prototype") or model.endswith(".npz"):
        from vfxage.model.prototype import PrototypeAger

        return PrototypeAger(Path(model) if model.endswith(".npz") else None, device=device)
    if model.lower().endswith(".onnx"):
        from vfxage.model.onnx import OnnxAger

        return OnnxAger(model, device)
    from vfxage.model.ager import NetworkAger, find_device
    from vfxage.model.checkpoint import load_checkpoint

    place = find_device(device)
    path = resources.files("vfxage.model") / "data" / "small.safetensors" if model == "small" else model
    return NetworkAger(load_checkpoint(str(path)), place)
