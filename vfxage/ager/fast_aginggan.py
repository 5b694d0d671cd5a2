"""Fast-AgingGAN (HasnainRaz), written anew from its layer list: a young face in, the same face old out.

The network sees no age and has no strength: it makes people of 18 to 29 look 55 and over. So the amount of its answer
follows the years between source and target age, and a younger target is an error.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vfxage.ager.picture import PictureNetwork

FULL_CHANGE = 40.0
"""Years of the whole answer: from the middle of 18 to 29 to the middle of the sixties."""
_WIDTHS = (32, 64, 128)
_BLOCKS = 9


def _normed(layer: nn.Module, channels: int) -> list[nn.Module]:
    return [layer, nn.BatchNorm2d(channels), nn.ReLU()]


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            *_normed(nn.Conv2d(channels, channels, 3), channels),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)  # type: ignore[no-any-return]


class FastAgingGan(PictureNetwork):
    """The generator from young to old: RGB in -1..1, sides multiples of 4."""

    inputs = {"x": (3, None, None)}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        a, b, c = _WIDTHS
        self.model = nn.Sequential(
            nn.ReflectionPad2d(3),
            *_normed(nn.Conv2d(3, a, 7), a),
            *_normed(nn.Conv2d(a, b, 3, stride=2, padding=1), b),
            *_normed(nn.Conv2d(b, c, 3, stride=2, padding=1), c),
            *(_Residual(c) for _ in range(_BLOCKS)),
            *_normed(nn.ConvTranspose2d(c, b, 3, stride=2, padding=1, output_padding=1), b),
            *_normed(nn.ConvTranspose2d(b, a, 3, stride=2, padding=1, output_padding=1), a),
            nn.ReflectionPad2d(3),
            nn.Conv2d(a, 3, 7),
        )

    def look(self, rgb: Tensor) -> Tensor:
        """The whole answer: it does not depend on the ages."""
        return torch.tanh(self.model(rgb))

    def picture(self, rgb: Tensor, seen: Tensor, ages: Tensor) -> Tensor:
        """The picture, moved towards the answer by the share of the years asked for."""
        amount = ((ages[:, 1] - ages[:, 0]) / FULL_CHANGE).clamp(0, 1)
        return torch.lerp(rgb, seen, amount[:, None, None, None])

    def bare(self, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """``x`` to ``y``, both -1..1."""
        return {"y": self.look(arrays["x"])}
