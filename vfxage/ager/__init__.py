"""Agers: crops in, answers out. ``load_ager`` is the door; torch is imported only behind it."""

from __future__ import annotations

import difflib
import re
from importlib import resources
from pathlib import Path

from vfxage.ager.apply import age_frames
from vfxage.ager.architectures import ARCHITECTURES, Architecture
from vfxage.ager.contract import Ager, Answer
from vfxage.ager.reconstruction import FromReconstruction
from vfxage.errors import ShotError
from vfxage.shot.models import MODELS, DeltaFrom, Style

__all__ = [
    "ARCHITECTURES",
    "Ager",
    "Answer",
    "Architecture",
    "age_frames",
    "device_kind",
    "load_ager",
    "model_file",
    "shipped_file",
]

_SHIPPED = {"small": "small.safetensors"}


def load_ager(
    model: str, device: str = "auto", delta_from: DeltaFrom | None = None, style: Style | None = None
) -> Ager:
    """Make the ager a shot's ``model:`` names: a name of ``MODELS``, or a file that holds one. "builtin" is relief.

    ``device`` is auto, cpu, cuda or cuda:N. Raises ShotError for a device that is not here, for a name that means
    nothing and for a ``delta_from`` or ``style`` that the ager cannot give, ReadError for the style's picture,
    ModelError for a file that is missing, damaged, hostile or of an unknown network, InstallError for ONNX without the
    extra.
    """
    device_kind(device)
    ager = plain = _plain(model, device)
    if style is not None:
        from vfxage.ager.style import styled

        ager = styled(plain, style)
    pictures, older_only = getattr(ager, "answers_pictures", False), getattr(ager, "older_only", False)
    if delta_from == "reconstruction" and older_only:
        what = f"{ager.name} cannot be asked for the source age, so there is no reconstruction"
        raise ShotError(what, fix="set `delta_from: plate`")
    usual = "reconstruction" if pictures and not older_only else "plate"
    return FromReconstruction(ager, at_rest=plain) if (delta_from or usual) == "reconstruction" else ager


def _plain(model: str, device: str) -> Ager:
    """The ager itself, whose steps start at the plate."""
    if model == "bands":
        from vfxage.ager.bands import Bands

        return Bands(device=device)
    if model in ("builtin", "relief"):
        from vfxage.ager.relief import ReliefAger

        return ReliefAger(device=device)
    path = shipped_file(model) or model_file(model)
    if path.suffix.lower() == ".onnx":
        from vfxage.ager.onnx_ager import OnnxAger

        return OnnxAger(model, device)
    from vfxage.ager.checkpoint import load_checkpoint
    from vfxage.ager.network import NetworkAger, find_device

    place = find_device(device)
    return NetworkAger(load_checkpoint(path), place)


def device_kind(device: str) -> str:
    """The kind of device that ``--device`` asks for: "cpu", "cuda" or "auto". Raises ShotError for other text."""
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", device):
        raise ShotError(f"unknown device {device!r}", fix="use auto, cpu, cuda or cuda:N")
    return device.partition(":")[0]


def shipped_file(model: str) -> Path | None:
    """The data file of an ager that comes with vfxage; None for names of others, and for files."""
    name = _SHIPPED.get(model)
    return Path(str(resources.files("vfxage.ager") / "data" / name)) if name else None


def model_file(model: str) -> Path:
    """The path; ShotError for a word that is neither a file nor an ager's name."""
    path = Path(model)
    if path.suffix or len(path.parts) > 1 or path.exists():
        return path
    near = difflib.get_close_matches(model.lower(), MODELS, n=1)
    fix = f"did you mean {near[0]}?" if near else f"name {', '.join(MODELS)}, or a file"
    raise ShotError(f"there is no model {model!r}", fix=fix)
