"""AgeTransGAN (AvLab-CV), written anew from its layer list: an encoder that sees the group, and StyleGAN2's decoder.

The authors draw the decoder's noise anew at every call, so their video flickers. Here it is zero in a shot.

The method: Hsu et al., "AgeTransGAN for Facial Age Transformation with Rectified Performance Metrics", ECCV 2022.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from vfxage.ager.picture import PictureNetwork, group_labels
from vfxage.ager.stylegan2 import CHANNELS, CODE, SIDE, Activation, Blur, Decoder, EqualisedConv

TEN_GROUPS = (0.0, 3.0, 7.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 70.0, 90.0)
"""Bounds of the ten groups 0-2, 3-6, 7-9, 10-14, 15-19, 20-29, 30-39, 40-49, 50-69, 70+; the last counts as complete
at 80 years."""
FOUR_GROUPS = (15.0, 30.0, 40.0, 50.0, 60.0)
"""Bounds of the four groups 15-29, 30-39, 40-49, 50+; the last counts as complete at 55 years."""
_START = 16
"""Side of the content that the decoder starts from, pixels."""
_HALF = 1 / math.sqrt(2)
_NOISE_SIDES = (_START, *(side for side in CHANNELS if side > _START for _ in range(2)))
"""Side of the noise of each styled convolution, pixels."""
_NOISES = len(_NOISE_SIDES)


class _Residual(nn.Module):
    """Two convolutions, and the input beside them; ``halving`` halves the size."""

    def __init__(self, channels: int, out: int, *, halving: bool) -> None:
        super().__init__()
        stride = 2 if halving else 1
        first, second = EqualisedConv(channels, channels, 3, padding=1), Activation(channels)
        self.conv1 = nn.Sequential(first, second)
        blurs = ([Blur(2)], [Blur(1)]) if halving else ([], [])
        conv = EqualisedConv(channels, out, 3, stride=stride, padding=0 if halving else 1)
        self.conv2 = nn.Sequential(*blurs[0], conv, Activation(out))
        self.skip = nn.Sequential(*blurs[1], EqualisedConv(channels, out, 1, stride=stride))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.conv1(x)).add_(self.skip(x)).mul_(_HALF)  # type: ignore[no-any-return]


class _AgeTransGan(Decoder, PictureNetwork):
    """The generator: RGB 1024x1024 in -1..1, and a label painted over it; answers RGB."""

    optional = {f"noise_{k}": (1, side, side) for k, side in enumerate(_NOISE_SIDES)}  # noqa: RUF012
    groups: tuple[float, ...]

    def __init__(self) -> None:
        super().__init__(_START)
        sides = sorted((side for side in CHANNELS if side >= _START), reverse=True)
        widths = [CHANNELS[side] for side in sides]
        labels = len(self.groups) - 1
        first = nn.Sequential(EqualisedConv(3 + labels, widths[0], 1), Activation(widths[0]))
        halvings = (_Residual(*pair, halving=True) for pair in itertools.pairwise(widths))
        self.convs_e = nn.Sequential(first, *halvings)
        self.convs_es = nn.Sequential(*(_Residual(CODE, CODE, halving=True) for _ in range(2)))
        self.convs_ei = nn.Sequential(*(_Residual(CODE, CODE, halving=False) for _ in range(2)))
        self.final_conv = nn.Sequential(EqualisedConv(CODE, CODE, 3, padding=1), Activation(CODE))

    def look(self, rgb: Tensor) -> Tensor:
        """Nothing: the label enters with the picture."""
        return rgb.new_empty((len(rgb), 0))

    def picture(self, rgb: Tensor, seen: Tensor, ages: Tensor) -> Tensor:
        """The answer for the group of the target age, without noise."""
        return self._draw(rgb, group_labels(ages[:, 1], self.groups), [None] * _NOISES)[0]

    def bare(self, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """``x``, ``label`` and noise to ``y``, and the ``latent`` after the mapping network; noise left out is 0."""
        y, code = self._draw(arrays["x"], arrays["label"], [arrays.get(f"noise_{k}") for k in range(_NOISES)])
        return {"y": y, "latent": code}

    def _draw(self, rgb: Tensor, label: Tensor, noise: Sequence[Tensor | None]) -> tuple[Tensor, Tensor]:
        planes = label[..., None, None].expand(-1, -1, SIDE, SIDE)
        features = self.convs_e(torch.cat([rgb, planes], dim=1))
        content = self.convs_ei(features)
        code = self.style(self.final_conv(self.convs_es(features)).mean(dim=(2, 3)))
        return self.draw(content, [code] * (_NOISES + 1), noise), code


class TenGroups(_AgeTransGan):
    """The network of ten groups, from 0-2 to 70 and over."""

    groups = TEN_GROUPS
    inputs = {"x": (3, SIDE, SIDE), "label": (len(TEN_GROUPS) - 1,)}  # noqa: RUF012


class FourGroups(_AgeTransGan):
    """The network of four groups, from 15-29 to 50 and over."""

    groups = FOUR_GROUPS
    inputs = {"x": (3, SIDE, SIDE), "label": (len(FOUR_GROUPS) - 1,)}  # noqa: RUF012
