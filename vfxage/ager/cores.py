"""The machine's resources for agers: workers that fit on its CPU, number of GPUs, and the model of each GPU."""

from __future__ import annotations

import hashlib
import os

from vfxage.errors import ShotError

_WORKER_BYTES = 3 << 30
"""Memory that one CPU worker needs for a 1024 px crop of a large network (1.7 GB measured), with a reserve."""


def cpu_workers() -> int:
    """Number of CPU workers: one per core, fewer if memory is short."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not hasattr(os, "sysconf"):
        return cores
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(cores, memory // _WORKER_BYTES))


def gpus() -> int:
    """How many CUDA devices this process may use."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def gpu_model(index: int) -> str:
    """The model of a CUDA device as its driver names it, "NVIDIA H100 80GB HBM3".

    Two models may round differently, so the name is part of a fingerprint. Raises ShotError where torch cannot see the
    GPU, because its model is then unknown.
    """
    import torch

    if index >= gpus():
        what = f"the network would run on GPU {index}, but torch cannot see it to name its model"
        raise ShotError(what, fix="install a torch with CUDA, or use --device cpu")
    return str(torch.cuda.get_device_name(index))


def device_key(model: str) -> str:
    """The short name of a device in fingerprints: "cpu" for no ``model``, else eight hex digits of the GPU's model.

    Eight digits fit even into the header of a DPX file.
    """
    return hashlib.sha256(model.encode()).hexdigest()[:8] if model else "cpu"
