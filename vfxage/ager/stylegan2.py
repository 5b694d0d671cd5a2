"""StyleGAN2's parts, and its decoder, written anew from layer lists in plain PyTorch; SAM and AgeTransGAN use them.

Modules are named so that the published checkpoints load as they come. A convolution that a code modulates scales its
input by the code and its output by the demodulation: that equals a kernel of its own for each picture, and one kernel
serves a batch.

The method: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", CVPR 2020.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

CODE = 512
"""Numbers in a code."""
SIDE = 1024
"""Side of the picture that the decoder draws, pixels."""
CHANNELS = {4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128, 512: 64, 1024: 32}
"""Channels at each side of the picture."""
_GAIN = math.sqrt(2)
_SLOPE = 0.2
_EPSILON = 1e-8
_MAPPING_RATE = 0.01
"""The mapping network's weights were learned at this rate, and are stored undivided."""
_MAPPING_LAYERS = 8


def fir_kernel(gain: float = 1.0) -> Tensor:
    """The blur before halving (gain 1) and after doubling (gain 4): (4, 4), the outer product of (1 3 3 1) over 64."""
    row = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(row, row) * (gain / 64)


class Blur(nn.Module):
    """Blur each channel with zeros around it: one pixel fewer with ``padding`` 1, one more with 2."""

    kernel: Tensor

    def __init__(self, padding: int, gain: float = 1.0) -> None:
        super().__init__()
        self.padding = padding
        self.register_buffer("kernel", fir_kernel(gain))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, S, S) -> (N, C, S - 3 + 2 padding, ...)."""
        kernel = self.kernel.expand(x.shape[1], 1, 4, 4)
        return functional.conv2d(x, kernel, padding=self.padding, groups=x.shape[1])


class _Double(nn.Module):
    """Double a picture's size and blur it."""

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernel", fir_kernel(4.0))

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.kernel.expand(x.shape[1], 1, 4, 4)
        return functional.conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1])


class Activation(nn.Module):
    """Add the bias, then LeakyReLU, then the gain. It changes its input, which nothing else may use."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same."""
        x.add_(self.bias[:, None, None])
        return functional.leaky_relu_(x, _SLOPE).mul_(_GAIN)


class EqualisedLinear(nn.Module):
    """A dense layer whose weights are stored undivided."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.zeros(out, channels)), nn.Parameter(torch.zeros(out))

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels) -> (N, out)."""
        return functional.linear(x, self.weight / math.sqrt(self.weight.shape[1]), self.bias)


class _MappingLayer(EqualisedLinear):
    def forward(self, x: Tensor) -> Tensor:
        scale = _MAPPING_RATE / math.sqrt(self.weight.shape[1])
        x = functional.linear(x, self.weight * scale, self.bias * _MAPPING_RATE)
        return functional.leaky_relu_(x, _SLOPE).mul_(_GAIN)


class _UnitLength(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return z * torch.rsqrt(z.square().mean(dim=1, keepdim=True) + _EPSILON)


def mapping() -> nn.Sequential:
    """The mapping network: (N, 512) -> a code (N, 512)."""
    return nn.Sequential(_UnitLength(), *(_MappingLayer(CODE, CODE) for _ in range(_MAPPING_LAYERS)))


class EqualisedConv(nn.Module):
    """A convolution whose kernel is stored undivided."""

    def __init__(self, channels: int, out: int, size: int, *, stride: int = 1, padding: int = 0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(out, channels, size, size))
        self.stride, self.padding = stride, padding

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, S, S) -> (N, out, S / stride, ...)."""
        kernel = self.weight / math.sqrt(self.weight[0].numel())
        return functional.conv2d(x, kernel, stride=self.stride, padding=self.padding)


class ModulatedConv(nn.Module):
    """A convolution that a code modulates; ``doubling`` doubles the size, ``demodulated`` keeps the signal's size."""

    def __init__(self, channels: int, out: int, size: int, *, demodulated: bool = True, doubling: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, out, channels, size, size))
        self.modulation = EqualisedLinear(CODE, channels)
        self.demodulated = demodulated
        self.blur = Blur(1, gain=4.0) if doubling else None

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """(N, channels, S, S) and (N, 512) -> (N, out, S or 2 S, ...)."""
        kernel = self.weight[0]
        scales = self.modulation(code) / math.sqrt(kernel[0].numel())
        x = x * scales[..., None, None]
        if self.blur is None:
            x = functional.conv2d(x, kernel, padding=kernel.shape[-1] // 2)
        else:
            x = self.blur(functional.conv_transpose2d(x, kernel.transpose(0, 1), stride=2))
        if not self.demodulated:
            return x
        power = scales.square() @ kernel.square().sum(dim=(2, 3)).T
        return x.mul_(torch.rsqrt(power + _EPSILON)[..., None, None])


class _Noise(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))


class StyledConv(nn.Module):
    """A modulated convolution, noise, and the activation."""

    def __init__(self, channels: int, out: int, *, doubling: bool = False) -> None:
        super().__init__()
        self.conv = ModulatedConv(channels, out, 3, doubling=doubling)
        self.noise, self.activate = _Noise(), Activation(out)

    def forward(self, x: Tensor, code: Tensor, noise: Tensor | None) -> Tensor:
        """``noise`` is one plane (1 or N, 1, S, S) for all channels; None is no noise."""
        x = self.conv(x, code)
        if noise is not None:
            x.add_(self.noise.weight * noise)
        return self.activate(x)  # type: ignore[no-any-return]


class ToRgb(nn.Module):
    """Add this level's colours to the picture of the level before, doubled."""

    def __init__(self, channels: int, *, doubling: bool = True) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))
        self.upsample = _Double() if doubling else None
        self.conv = ModulatedConv(channels, 3, 1, demodulated=False)

    def forward(self, x: Tensor, code: Tensor, before: Tensor | None) -> Tensor:
        """(N, C, S, S) and the picture before (N, 3, S / 2, ...) -> (N, 3, S, S)."""
        colours = self.conv(x, code) + self.bias
        return colours if self.upsample is None else colours + self.upsample(before)  # type: ignore[no-any-return]


class _StoredNoise(nn.Module):
    """Noise planes that the trainer kept in the checkpoint: 4, 8, 8, 16, 16, ... pixels."""

    def __init__(self) -> None:
        super().__init__()
        for index in range(2 * int(math.log2(SIDE)) - 3):
            side = 1 << (index + 5) // 2
            self.register_buffer(f"noise_{index}", torch.zeros(1, 1, side, side))


class Decoder(nn.Module):
    """From features at ``start`` pixels to the picture of 1024."""

    def __init__(self, start: int) -> None:
        super().__init__()
        first = CHANNELS[start]
        self.style = mapping()
        self.conv1, self.to_rgb1 = StyledConv(first, first), ToRgb(first, doubling=False)
        self.convs, self.to_rgbs = nn.ModuleList(), nn.ModuleList()
        for side, doubled in itertools.pairwise(side for side in CHANNELS if side >= start):
            channels, out = CHANNELS[side], CHANNELS[doubled]
            self.convs.extend([StyledConv(channels, out, doubling=True), StyledConv(out, out)])
            self.to_rgbs.append(ToRgb(out))
        self.noises = _StoredNoise()

    def draw(self, features: Tensor, codes: Sequence[Tensor], noise: Sequence[Tensor | None]) -> Tensor:
        """Draw the pictures (N, 3, 1024, 1024).

        ``codes`` are (N, 512): the first is for ``conv1``, the next for its colours, then two a level; a level's second
        code is also for its colours' successor. ``noise`` has one entry for each styled convolution.
        """
        x = self.conv1(features, codes[0], noise[0])
        rgb = self.to_rgb1(x, codes[1], None)
        for level, to_rgb in enumerate(self.to_rgbs):
            first = 2 * level
            x = self.convs[first](x, codes[first + 1], noise[first + 1])
            x = self.convs[first + 1](x, codes[first + 2], noise[first + 2])
            rgb = to_rgb(x, codes[first + 3], rgb)
        return rgb  # type: ignore[no-any-return]
