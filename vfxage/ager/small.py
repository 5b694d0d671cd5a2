"""Two U-Nets for re-ageing: small, 1.8 M parameters and 4.9 GMAC at 512 px for a CPU, and medium, 22 M for a GPU.

They take what the published networks take, ``(N, 5, S, S)`` float32: sRGB with the skin levelled (``skin_level.py``),
source age / 100 and target age / 100, painted, so that regions may differ; S is a multiple of 16. They answer the delta
``(N, 3, S, S)`` in the same units.

What they are made for:

- *Exactly nothing at equal ages.* The answer is multiplied by a continuous function of the painted difference, which is
  zero there.
- *Detail survives.* Nothing is thrown away at the first level: two by two pixels become channels, and channels become
  pixels at the end (Shi et al. 2016, sub-pixel convolution). Where a level of the decoder joins its encoder's features,
  the coarser level answers a gain for each of them, so that "raise these wrinkles here" is one multiplication.
- *Steady under shifts.* Every later halving is blurred, every doubling before the last is bilinear.
- *Pixels depend on their surroundings alone.* No norm over the picture or the batch, so that a crop's bits are its own.
- *It sees the whole face.* Wide depthwise convolutions at 1/16, each told the ages, reach 290 px to every side there.

The method: Zoss et al. 2022, as for ``unet``. The wide depthwise blocks: Liu et al., "A ConvNet for the 2020s", CVPR
2022. Ages as scale and shift: Perez et al., "FiLM", AAAI 2018.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vfxage.ager.unet import FILTER, binomial

_SMALL, _MEDIUM = (24, 48, 112, 256), (64, 128, 288, 640)
"""Channels from 1/2 to 1/16; a 3x3 convolution costs about the same at every level.

There are none at full resolution: not the arithmetic but the bytes cost there, for 8 channels a fifth of the time.
"""
_FOLD = 2
"""So many pixels to either side become channels of the first level."""
_SMALL_BLOCKS, _MEDIUM_BLOCKS = 4, 10
"""Wide blocks at 1/16."""
_REACH = 7
"""Width of the depthwise convolutions at 1/16."""
_AGES = 16
"""Features that the two ages become for the blocks."""
_SLOPE = 0.2
_STEEPNESS = 4.0
"""The answer is scaled by tanh of this times (target - source) / 100: by two thirds at 20 years."""
_OLDER, _YOUNGER = 1.2, 1.15
"""Gains of the answer where the target is older, and where it is younger, outside of training.

A network shrinks lines whose place it cannot know, and folds that it fills: without the gains the change had 0.65 to
0.95 of its teacher's strength, from pores to tone. In training they would be learned away. Towards younger the gain is
smaller: the plate shows each fold, and one that is filled too far becomes a bright ridge.
"""


def _active(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, _SLOPE, inplace=True)


def _halve(x: Tensor) -> Tensor:
    kernel = binomial(1, FILTER).to(x).expand(x.shape[1], 1, 4, 4)
    return functional.conv2d(x, kernel, stride=2, padding=1, groups=x.shape[1])


def _in_float32() -> torch.autocast:
    """A block that computes in float32 where a GPU trains the other parts in bfloat16.

    bfloat16 has 128 steps between 0.5 and 1, as coarse as the fine lines of skin.
    """
    return torch.autocast("cuda", enabled=False)


def _double(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class _Pair(nn.Module):
    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, out, 3, padding=1)
        self.second = nn.Conv2d(out, out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return _active(self.second(_active(self.first(x))))


class _Block(nn.Module):
    """Look wide, take the ages in, mix; added to what came."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.look = nn.Conv2d(channels, channels, _REACH, padding=_REACH // 2, groups=channels)
        self.ages = nn.Conv2d(_AGES, 2 * channels, 1)
        self.widen = nn.Conv2d(channels, 2 * channels, 1)
        self.mix = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x: Tensor, ages: Tensor) -> Tensor:
        scale, shift = self.ages(ages).chunk(2, dim=1)
        y = torch.addcmul(shift, self.look(x), scale)
        return x + self.mix(_active(self.widen(y)))  # type: ignore[no-any-return]


class _Join(nn.Module):
    """Double the coarser features; they give a gain for the finer ones and something to add."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.gain = nn.Conv2d(channels, out, 1)
        self.more = nn.Conv2d(channels, out, 1)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        return torch.addcmul(_double(self.more(coarse)), fine, _double(self.gain(coarse)))


class Small(nn.Module):
    """The network; at its making it answers zeros, and every join passes the finer features as they are."""

    def __init__(self, widths: tuple[int, int, int, int] = _SMALL, blocks: int = _SMALL_BLOCKS) -> None:
        super().__init__()
        b, c, d, e = widths
        self.start = nn.Conv2d(3 * _FOLD**2 + 2, b, 3, padding=1)
        self.down2, self.down3 = _Pair(b, c), _Pair(c, d)
        self.down4 = nn.Conv2d(d, e, 3, padding=1)
        self.ages = nn.Conv2d(2, _AGES, 1)
        self.blocks = nn.ModuleList(_Block(e) for _ in range(blocks))
        self.join1, self.join2, self.join3 = _Join(e, d), _Join(d, c), _Join(c, b)
        self.up1, self.up2, self.up3 = nn.Conv2d(d, d, 3, padding=1), _Pair(c, c), _Pair(b, b)
        self.delta = nn.Conv2d(b, 3 * _FOLD**2, 3, padding=1)
        self._begin()

    def _begin(self) -> None:
        """Without norms the first weights must keep the signal's size themselves.

        Coarse noise added to fine features would be learned away slowly, and so would folded pixels, mixed: a change of
        detail is found many times as fast when the pixels pass from the first convolution to before the last.
        """
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, a=_SLOPE)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)
        for part in self.modules():
            if isinstance(part, _Join):
                nn.init.zeros_(part.gain.weight)
                nn.init.ones_(part.gain.bias)  # type: ignore[arg-type]
                nn.init.zeros_(part.more.weight)
            elif isinstance(part, _Block):
                nn.init.ones_(part.ages.bias[: part.ages.out_channels // 2])  # type: ignore[index]
                nn.init.zeros_(part.mix.weight)
        for passing in (self.up3.first, self.up3.second):
            nn.init.dirac_(passing.weight)
        with torch.no_grad():
            nn.init.dirac_(self.start.weight[: 3 * _FOLD**2])
        nn.init.zeros_(self.delta.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 5, S, S) -> (N, 3, S, S)."""
        painted = x[:, 3:]
        folded = functional.pixel_unshuffle(x[:, :3], _FOLD)
        ages_map = functional.avg_pool2d(painted, _FOLD)
        with _in_float32():
            x1 = _active(self.start(torch.cat([folded, ages_map], dim=1)))
        x2 = self.down2(_halve(x1))
        x3 = self.down3(_halve(x2))
        y = _active(self.down4(_halve(x3)))
        ages = _active(self.ages(functional.avg_pool2d(ages_map, 16 // _FOLD)))
        for block in self.blocks:
            y = block(y, ages)
        y = _active(self.up1(self.join1(y, x3)))
        y = self.up2(self.join2(y, x2))
        with _in_float32():
            delta = self.delta(self.up3(self.join3(y.float(), x1)))
        gate = torch.tanh(_STEEPNESS * (painted[:, 1:] - painted[:, :1]))
        if not self.training:
            gate = gate * torch.where(gate > 0, _OLDER, _YOUNGER)
        return gate * functional.pixel_shuffle(delta, _FOLD)


class Medium(Small):
    """The same network with more channels and blocks."""

    def __init__(self) -> None:
        super().__init__(_MEDIUM, _MEDIUM_BLOCKS)
