"""Several processes, one run: ``torchrun --nproc-per-node N -m vfxage train ...``.

Every process has the whole network and a share of each batch; gradients are averaged. Each example depends only on
its place in the batch, so any number of processes learns the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from vfxage.ager.network import find_device
from vfxage.errors import ShotError, count_of


@dataclass(frozen=True, slots=True)
class World:
    """All processes of a run, and the rank of this one."""

    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes the files and the messages."""
        return self.rank == 0

    def average(self, parameters: Iterable[Tensor]) -> None:
        """Make every gradient the mean over the processes."""
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if self.size == 1 or not gradients:
            return
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.size
        for gradient, mean in zip(gradients, torch.split(flat, [item.numel() for item in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def mean(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """The means of scalars over the processes; all must give the same names."""
        if self.size == 1:
            return values
        stacked = torch.stack([value.float() for value in values.values()])
        distributed.all_reduce(stacked)
        return dict(zip(values, stacked / self.size, strict=True))

    def any(self, asked: bool) -> bool:
        """Whether the value is true in any process."""
        if self.size == 1:
            return asked
        flag = torch.tensor([float(asked)], device=self.device)
        distributed.all_reduce(flag)
        return bool(flag.item())

    def wait(self) -> None:
        """Wait until every process has come to this call."""
        if self.size > 1:
            distributed.barrier()


@contextmanager
def join(device: str) -> Iterator[World]:
    """Find this process's rank among those that torchrun started; without torchrun it is the only one.

    ``device`` is as for ``--device``; with several processes each takes the GPU of its own number where there are GPUs.
    Raises ShotError for a device that is not here.
    """
    size, rank, local = (int(os.environ.get(name, default)) for name, default in _PLACES)
    if size == 1:
        yield World(0, 1, find_device(device))
        return
    on_gpu = device != "cpu" and torch.cuda.is_available()
    if device not in ("auto", "cpu", "cuda"):
        raise ShotError(
            f"--device {device} names one device for {count_of(size, 'process', 'processes')}",
            fix="use auto, cpu or cuda",
        )
    place = find_device(f"cuda:{local}" if on_gpu else device)
    if on_gpu:
        torch.cuda.set_device(place)
    distributed.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield World(rank, size, place)
    finally:
        distributed.destroy_process_group()


_PLACES = (("WORLD_SIZE", "1"), ("RANK", "0"), ("LOCAL_RANK", "0"))
"""Environment variables that torchrun sets for each process, and their values without torchrun."""
