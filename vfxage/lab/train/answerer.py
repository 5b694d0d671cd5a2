"""A network with its encoding hidden: sRGB 0..1 and years in, sRGB differences out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vfxage.ager import Architecture
from vfxage.ager.picture import PictureNetwork


class Answerer:
    """A network with its encoding hidden: sRGB 0..1 and years in, sRGB differences out."""

    def __init__(self, row: Architecture, network: nn.Module, *, mixed: bool) -> None:
        self.row, self.network, self._mixed = row, network, mixed

    def __call__(self, rgb: Tensor, ages: Tensor) -> Tensor:
        """(B, 3, S, S) and (B, 2) years -> (B, 3, S, S) float32."""
        minus = self.row.encoding == "-1..1"
        if isinstance(self.network, PictureNetwork):
            given = rgb * 2 - 1 if minus else rgb
            made: Tensor = self.network.picture(given, self.network.look(given), ages.clamp(*self.row.ages)).float()
            return (made + 1) / 2 - rgb if minus else made - rgb
        held = ages.clamp(*self.row.ages) / 100
        painted = held[:, :, None, None].expand(-1, -1, *rgb.shape[2:])
        shown = torch.cat([rgb * 2 - 1 if minus else rgb, painted.to(rgb)], dim=1)
        with torch.autocast(rgb.device.type, torch.bfloat16, enabled=self._mixed):
            answer: Tensor = self.network(shown.contiguous(memory_format=torch.channels_last)).float()
        return answer * 0.5 if minus else answer
