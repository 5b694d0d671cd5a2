"""The network of ``configs/train/cycle.yaml``: SauravSJK's encoder, age code and styled decoder, without its slips.

There, most blocks throw one of their two convolutions away, and the styles have no deviation, so that hardly any of
the picture reaches the output. Here every convolution counts, and a style scales and shifts the picture's features.
The network is narrower, for two CPU cores, and takes pictures of many sizes.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional

from vfxage.ager.picture import PictureNetwork, group_labels
from vfxage.ager.sauravsjk import GROUPS

_WIDTHS = (24, 48, 96, 128, 128)
"""Channels after the stem and after each halving."""
_SLOPE = 0.2
_LABELS = len(GROUPS) - 1


def _conv(channels: int, out: int) -> nn.Conv2d:
    return nn.Conv2d(channels, out, 3, padding=1)


class _Block(nn.Module):
    """Two convolutions, each after a LeakyReLU, and the input beside them."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = _conv(channels, out), _conv(out, out)
        self.skip = nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor, normed: Tensor) -> Tensor:
        """``normed`` is the input after a norm."""
        y = self.conv1(functional.leaky_relu(normed, _SLOPE))
        return self.conv2(functional.leaky_relu(y, _SLOPE)) + self.skip(x)  # type: ignore[no-any-return]


class _Modulator(nn.Module):
    """The age code of a face: its identity, scaled and shifted by the label, and averaged over the picture."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale, self.shift = nn.Linear(_LABELS, channels), nn.Linear(_LABELS, channels)
        self.block = _Block(channels, channels)

    def forward(self, identity: Tensor, label: Tensor) -> Tensor:
        """(N, C, H, W) and (N, groups) -> (N, C)."""
        normed = functional.instance_norm(identity) * (1 + self.scale(label)[..., None, None])
        return self.block(identity, normed + self.shift(label)[..., None, None]).mean(dim=(2, 3))  # type: ignore[no-any-return]


class _Styled(_Block):
    """A block whose features are scaled and shifted by the age code."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__(channels, out)
        self.style = nn.Linear(_WIDTHS[-1], 2 * channels)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        scale, shift = self.style(code)[..., None, None].chunk(2, dim=1)
        return super().forward(x, functional.instance_norm(x) * (1 + scale) + shift)


class Cycle(PictureNetwork):
    """The generator: RGB in -1..1, sides multiples of 16, and a label of 14 groups; answers RGB."""

    inputs = {"x": (3, None, None), "label": (_LABELS,)}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.output = _conv(3, _WIDTHS[0]), nn.Conv2d(_WIDTHS[0], 3, 1)
        self.encoder = nn.ModuleList(_Block(*pair) for pair in itertools.pairwise(_WIDTHS))
        self.modulator = _Modulator(_WIDTHS[-1])
        self.decoder = nn.ModuleList(_Styled(*pair) for pair in itertools.pairwise(_WIDTHS[::-1]))

    def look(self, rgb: Tensor) -> Tensor:
        """The identity: (N, 3, S, S) -> (N, 128, S / 16, S / 16)."""
        x = self.stem(rgb)
        for block in self.encoder:
            x = functional.avg_pool2d(block(x, functional.instance_norm(x)), 2)
        return x  # type: ignore[no-any-return]

    def picture(self, rgb: Tensor, seen: Tensor, ages: Tensor) -> Tensor:
        """The answer for the group of the target age."""
        return self._draw(seen, group_labels(ages[:, 1], GROUPS))

    def bare(self, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """``x`` and ``label`` to ``y``, and the ``identity``."""
        identity = self.look(arrays["x"])
        return {"y": self._draw(identity, arrays["label"]), "identity": identity}

    def _draw(self, identity: Tensor, label: Tensor) -> Tensor:
        code, x = self.modulator(identity, label), identity
        for block in self.decoder:
            x = functional.interpolate(block(x, code), scale_factor=2, mode="nearest")
        return self.output(functional.leaky_relu(x, _SLOPE))  # type: ignore[no-any-return]
