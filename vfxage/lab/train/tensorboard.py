"""The optional TensorBoard log of a training run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vfxage.errors import InstallError
from vfxage.types import U8


class TensorBoardLog:
    """Writes scalars and pictures for TensorBoard; writes nothing without a folder."""

    def __init__(self, folder: Path | None, step: int) -> None:
        self._writer: Any = None
        if folder is None:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise InstallError(
                "TensorBoard is not installed", fix="pip install 'vfxage[train]', or set `output.tensorboard: false`"
            ) from error
        self._writer = SummaryWriter(str(folder), purge_step=step + 1)

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """One point of each curve."""
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)

    def sheet(self, step: int, rgb: U8, values: dict[str, float]) -> None:
        """A sheet (H, W, 3) and its figures."""
        if self._writer is not None:
            self._writer.add_image("sheet", rgb, step, dataformats="HWC")
        self.scalars(step, values)

    def close(self) -> None:
        """Write everything that is still buffered."""
        if self._writer is not None:
            self._writer.close()
