"""Examples as a network sees them that levels the skin: ``vfxage.ager.skin_level`` for batches."""

from __future__ import annotations

import torch
from torch import Tensor

from vfxage.ager.skin_level import LEAST, MOST, OFFSET, SKIN


def skin_gains(skin: Tensor) -> Tensor:
    """The gains (B, 3, 1, 1) that bring colours of skin (B, 3, 1, 1), sRGB 0..1, to ``SKIN``."""
    wanted = torch.from_numpy(SKIN).to(skin)[None, :, None, None]
    return ((wanted + OFFSET) / (skin + OFFSET)).clamp(LEAST, MOST)


def level(pictures: Tensor, gains: Tensor) -> Tensor:
    """Pictures (B, 3, S, S), sRGB, with their skin levelled."""
    return (pictures + OFFSET) * gains - OFFSET


def as_colours(skin: Tensor, device: torch.device) -> Tensor:
    """(B, 3) uint8 as (B, 3, 1, 1) floats on the device."""
    return (skin.to(device, non_blocking=True).float() / 255)[:, :, None, None]
