"""face_reaging's discriminator (timroelofs123, MIT), written anew from its layer list, and its published weights.

It takes RGB 0..1 and the target age / 100, and answers a logit for each patch; its loss is binary cross-entropy.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from vfxage.ager.checkpoint import checked
from vfxage.ager.weight_files import read_state

_SLOPE = 0.2


def _conv(channels: int, out: int, *, stride: int) -> nn.Conv2d:
    return nn.Conv2d(channels, out, 4, stride=stride, padding=1)


class FaceReagingCritic(nn.Module):
    """(B, 3, S, S) sRGB and (B,) years -> logits (B, 1, S / 8 - 1, S / 8 - 1), high for what looks real."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(
            *(_conv(4, 64, stride=2), nn.LeakyReLU(_SLOPE)),
            *(_conv(64, 128, stride=2), nn.BatchNorm2d(128), nn.LeakyReLU(_SLOPE)),
            *(_conv(128, 256, stride=2), nn.BatchNorm2d(256), nn.LeakyReLU(_SLOPE)),
            _conv(256, 1, stride=1),
        )

    def forward(self, rgb: Tensor, ages: Tensor) -> Tensor:
        """See the class."""
        painted = (ages / 100)[:, None, None, None].expand(-1, 1, *rgb.shape[2:]).to(rgb)
        return self.model(torch.cat([rgb, painted], dim=1))  # type: ignore[no-any-return]


def load_published(path: Path, critic: FaceReagingCritic) -> None:
    """Give the critic the weights of a file.

    Raises ModelError for a file that is missing, damaged or hostile, or whose tensors are not the critic's.
    """
    whole = checked(read_state(path), critic.state_dict(), "face_reaging's discriminator", path)
    critic.load_state_dict(whole)
