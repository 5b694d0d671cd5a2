"""How many agers may work side by side on the CPU."""

from __future__ import annotations

import os

_WORKER_BYTES = 3 << 30
"""What one CPU worker may take at a 1024 px crop of a large network (1.7 GB measured), and room to spare."""


def cpu_workers() -> int:
    """As many as there are cores, unless memory is short."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not hasattr(os, "sysconf"):
        return cores
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(cores, memory // _WORKER_BYTES))


def gpus() -> int:
    """How many CUDA devices this process may use."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0
