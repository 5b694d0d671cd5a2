"""The network as an ager: crops in, encoded steps out, the same bits for any number of workers.

A result depends on its crop alone. On the CPU each crop is its own batch and runs on one core (workers run side by
side, on the same weights); on a GPU batches have one fixed shape, padded with black, and one replica per device.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from vfxage import process
from vfxage.ager.checkpoint import Checkpoint
from vfxage.ager.contract import Answer, MeasuresNothing
from vfxage.ager.cores import cpu_workers, device_key, gpu_model
from vfxage.ager.picture import PictureNetwork
from vfxage.ager.skin_level import Levelled
from vfxage.errors import ModelError, ShotError
from vfxage.types import F32, FaceCrop

METHOD = 4
"""Raise it by 1 with every change here, in ``skin_level.py``, ``small.py`` or ``unet.py`` that alters an answer of the
same weights. It is part of the fingerprint, so frames made before the change are then rendered again. For ``small``,
``tests/ager/test_golden.py`` fails where it was forgotten."""
_GPU_BATCH = 4
_Batches = Callable[[Tensor, Sequence[FaceCrop]], Tensor]
"""A batch of the fixed shape, and its crops without the padding, to steps in the network's units."""


class NetworkAger(MeasuresNothing):
    """A loaded network on one device; see ``vfxage.ager.Ager`` for the contract."""

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        row = checkpoint.architecture
        self.name = "fran" if checkpoint.ours else row.name
        self.answers_pictures, self.older_only = row.answers == "picture", row.older_only
        self.framing, self.sizes = row.framing, row.sizes
        on_gpu = device.type == "cuda"
        model = gpu_model(device.index or 0) if on_gpu else ""
        self.device = device_key(model)
        self._made = f"{checkpoint.fingerprint} {row} method {METHOD}"
        self.fingerprint = self.fingerprint_on(self.device)
        place = f"{device} ({model})" if on_gpu else str(device)
        self.note = f"{row.name} weights on {place}, trained at {row.native} px; licence: {row.licence}"
        self.frames_per_call = self._batch = _GPU_BATCH if on_gpu else 1
        self._row, self._device = row, device
        # One CPU core: more split sums differently, and workers already fill the cores.
        self._settings = process.exact_torch if on_gpu else process.one_torch_thread
        self._network = checkpoint.network().to(device) if on_gpu else checkpoint.network(lean=True)
        most = getattr(self._network, "most_workers", None)
        self.workers_default = 2 if on_gpu else min(cpu_workers(), most or cpu_workers())
        if row.answers == "delta":
            self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, crops: Sequence[FaceCrop]) -> list[Answer]:
        """Give one answer per crop. Thread-safe.

        Raises ShotError for a crop size the network does not take, ModelError where memory runs out.
        """
        steps: dict[int, F32] = {}
        for size in sorted({crop.rgb.shape[0] for crop in crops}):
            same = [index for index, crop in enumerate(crops) if crop.rgb.shape[0] == size]
            steps |= zip(same, self._run([crops[index] for index in same], size), strict=True)
        return [Answer(step=steps[index]) for index in range(len(crops))]

    @property
    def network(self) -> nn.Module:
        """The network itself, in evaluation mode on its device."""
        return self._network

    def with_network(self, network: nn.Module, made: str) -> NetworkAger:
        """The same ager with a variant of its network; ``made`` tells the variant apart in fingerprints."""
        twin = copy.copy(self)
        twin._network, twin._made = network, f"{self._made} {made}"
        twin.fingerprint = twin.fingerprint_on(twin.device)
        return twin

    def fingerprint_on(self, device: str) -> str:
        """See ``Ager.fingerprint_on``: each GPU model has a fingerprint of its own, CPUs share one."""
        return hashlib.sha256(f"{self._made} {device}".encode()).hexdigest()

    def _run(self, crops: Sequence[FaceCrop], size: int) -> list[F32]:
        """The steps of crops of one size, each (S, S, 3) float32."""
        if size not in self.sizes:
            allowed = ", ".join(str(allowed) for allowed in self.sizes)
            raise ShotError(f"{self.name} cannot take a crop of {size} px", fix=f"set crop_size to one of {allowed}")
        try:
            with self._settings(), torch.inference_mode():
                network = self._network
                answer = (
                    self._pictured(network, crops)
                    if isinstance(network, PictureNetwork)
                    else lambda batch, _: network(batch)
                )
                return [step for part in self._batches(crops) for step in self._steps(part, answer)]
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if isinstance(error, torch.OutOfMemoryError) or "allocate" in str(error):
                raise ModelError(
                    f"not enough memory on {self._device} for a {size} px crop",
                    fix="lower --workers or crop_size, or give another --device",
                ) from error
            raise

    def _batches(self, crops: Sequence[FaceCrop]) -> Iterator[Sequence[FaceCrop]]:
        for start in range(0, len(crops), self._batch):
            yield crops[start : start + self._batch]

    def _pictured(self, network: PictureNetwork, crops: Sequence[FaceCrop]) -> _Batches:
        """Make the answer of a network of whole pictures; it looks once at a picture, however many ages are asked."""
        pictures = list({id(crop.rgb): crop for crop in crops}.values())
        seen: dict[int, Tensor] = {}
        for part in self._batches(pictures):
            found = network.look(self._batch_of(part).to(self._device)[:, :3])
            seen |= zip((id(crop.rgb) for crop in part), found, strict=False)

        def answer(batch: Tensor, part: Sequence[FaceCrop]) -> Tensor:
            rgb, ages = batch[:, :3], batch[:, 3:, 0, 0] * 100
            known = [seen[id(crop.rgb)] for crop in part]
            known += [known[0]] * (self._batch - len(known))
            return network.picture(rgb, torch.stack(known), ages) - rgb

        return answer

    def _steps(self, crops: Sequence[FaceCrop], answer: _Batches) -> list[F32]:
        """The steps of one batch of the fixed shape."""
        seen = [Levelled.of(crop, self._row.native) for crop in crops] if self._row.levelled else None
        batch = self._batch_of(crops, [one.rgb for one in seen] if seen else None)
        steps = answer(batch.to(self._device), crops) * self._scale
        found = list(steps.permute(0, 2, 3, 1).contiguous().cpu().numpy()[: len(crops)])
        if seen is None:
            return found
        return [one.answer(step, len(crop.rgb)) for one, step, crop in zip(seen, found, crops, strict=True)]

    @property
    def _scale(self) -> float:
        """From the network's units to sRGB 0..1."""
        return 1.0 if self._row.encoding == "0..1" else 0.5

    def _batch_of(self, crops: Sequence[FaceCrop], pictures: Sequence[F32] | None = None) -> Tensor:
        """The crops and their ages; ``pictures`` are what the network sees in place of the crops' own."""
        pictures = pictures or [crop.rgb for crop in crops]
        size = len(pictures[0])
        batch = np.zeros((self._batch, 5, size, size), np.float32)
        low, high = self._row.ages
        for row, crop, picture in zip(batch, crops, pictures, strict=False):
            if self._row.older_only and crop.ages[1] < crop.ages[0]:
                what = (
                    f"{self.name} can make faces older only, and the target age of {crop.name} is below its source age"
                )
                raise ShotError(what, fix=f"set target_age to {crop.ages[0]:g} or more")
            row[:3] = picture.transpose(2, 0, 1)
            if self._row.encoding == "-1..1":
                row[:3] = row[:3] * 2 - 1
            for channel, age in zip((3, 4), crop.ages, strict=True):
                row[channel] = min(max(age, low), high) / 100
        return torch.from_numpy(batch)


def find_device(text: str) -> torch.device:
    """The device that ``--device`` names: auto, cpu, cuda or cuda:N. Raises ShotError for one that is not here."""
    if text == "cpu" or (text == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = int(text.partition(":")[2] or 0)
    if index >= count:
        here = f"this machine has {count} usable GPU{'s' if count != 1 else ''}"
        raise ShotError(f"--device {text} was asked for, but {here}", fix="use --device cpu or auto")
    return torch.device("cuda", index)
