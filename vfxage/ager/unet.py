"""The published re-ageing networks, written anew from their layer lists: U-Nets that see a face and two ages.

All take ``(N, 5, S, S)`` float32: RGB in the network's own encoding, source age / 100 and target age / 100 painted
over the picture; S is a multiple of 16. All answer the delta, ``(N, 3, S, S)``, in the scale of their input. Modules
are named so that the published checkpoints load as they come.

The method: Zoss et al., "Production-Ready Face Re-Aging for Visual Effects", SIGGRAPH Asia 2022. The blurred pooling:
Zhang, "Making Convolutional Networks Shift-Invariant Again", ICML 2019.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (64, 128, 256, 512, 1024)
"""Channels from full resolution to 1/16."""


FILTER = (1.0, 3.0, 3.0, 1.0)
"""End of the names of ``filt`` buffers: constants that some checkpoints contain and others leave out."""


def _conv(channels: int, out: int) -> nn.Conv2d:
    return nn.Conv2d(channels, out, 3, padding=1)


def binomial(channels: int, row: tuple[float, ...]) -> Tensor:
    """The outer product of ``row`` with itself, summing to 1, once per channel: (channels, 1, k, k) float32."""
    taps = torch.tensor(row)
    kernel = torch.outer(taps, taps)
    return (kernel / kernel.sum()).repeat(channels, 1, 1, 1)


class BlurPool(nn.Module):
    """Blur by (1 3 3 1) with reflected borders, then keep every ``stride``-th sample."""

    filt: Tensor

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.register_buffer("filt", binomial(channels, FILTER))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H / stride, W / stride), one more row and column allowed in."""
        return functional.conv2d(
            functional.pad(x, (1, 2, 1, 2), "reflect"), self.filt, stride=self.stride, groups=x.shape[1]
        )


# ---- face_reaging --------------------------------------------------------------------------------------------------


class _ReagingDown(nn.Module):
    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.layer = nn.Sequential(
            nn.MaxPool2d(2, stride=1),
            BlurPool(channels, stride=2),
            _conv(channels, out),
            nn.LeakyReLU(),
            _conv(out, out),
            nn.LeakyReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)  # type: ignore[no-any-return]


class _ReagingUp(nn.Module):
    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.blur_upsample = nn.Sequential(nn.ConvTranspose2d(channels, out, 2, stride=2), BlurPool(out, stride=1))
        self.layer = nn.Sequential(_conv(2 * out, out), nn.LeakyReLU(), _conv(out, out), nn.LeakyReLU())

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return self.layer(torch.cat([self.blur_upsample(x), skip], dim=1))  # type: ignore[no-any-return]


class FaceReaging(nn.Module):
    """timroelofs123/face_reaging: RGB in 0..1, answers the delta in 0..1 units; no normalisation layers."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d, e = WIDTHS
        self.init_conv = nn.Sequential(_conv(5, a), nn.LeakyReLU(), _conv(a, a), nn.LeakyReLU())
        self.down1, self.down2 = _ReagingDown(a, b), _ReagingDown(b, c)
        self.down3, self.down4 = _ReagingDown(c, d), _ReagingDown(d, e)
        self.up1, self.up2 = _ReagingUp(e, d), _ReagingUp(d, c)
        self.up3, self.up4 = _ReagingUp(c, b), _ReagingUp(b, a)
        self.final_conv = nn.Conv2d(a, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 5, S, S) -> (N, 3, S, S)."""
        x0 = self.init_conv(x)
        x1 = self.down1(x0)
        x2 = self.down2(x1)
        x3 = self.down3(x2)
        y = self.up1(self.down4(x3), x3)
        y = self.up3(self.up2(y, x2), x1)
        return self.final_conv(self.up4(y, x0))  # type: ignore[no-any-return]


# ---- VISAGE --------------------------------------------------------------------------------------------------------


class _MaxBlur(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.blur = BlurPool(channels, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.blur(functional.max_pool2d(x, 2, stride=1))  # type: ignore[no-any-return]


class _VisageDown(nn.Module):
    def __init__(self, channels: int, out: int, *, last_norm: bool = True) -> None:
        super().__init__()
        self.maxblur = _MaxBlur(channels)
        norm = [nn.BatchNorm2d(out)] if last_norm else []
        self.down = nn.Sequential(
            _conv(channels, out), nn.BatchNorm2d(out), nn.LeakyReLU(), _conv(out, out), *norm, nn.LeakyReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.maxblur(x))  # type: ignore[no-any-return]


class _SpreadBlur(nn.Module):
    """Double the size by a binomial that sums to 1: each pixel is spread, so the gain is 1/4."""

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("filt", binomial(channels, FILTER))

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv_transpose2d(x, self.filt, stride=2, padding=1, groups=x.shape[1])


class _VisageUp(nn.Module):
    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.convo = nn.Sequential(_conv(channels, channels), nn.LeakyReLU())
        self.blur = _SpreadBlur(channels)
        self.up = nn.Sequential(
            _conv(channels, out),
            nn.LeakyReLU(),
            nn.BatchNorm2d(out),
            _conv(out, out),
            nn.BatchNorm2d(out),
            nn.LeakyReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.up(self.blur(self.convo(x)))  # type: ignore[no-any-return]


class Visage(nn.Module):
    """cassianlewis/VISAGE: RGB in -1..1, answers the delta in the same scale; the full-resolution skip is not used."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d, e = WIDTHS
        self.initial = nn.Sequential(_conv(5, a), nn.LeakyReLU(), _conv(a, a), nn.BatchNorm2d(a), nn.LeakyReLU())
        self.down1, self.down2 = _VisageDown(a, b), _VisageDown(b, c)
        self.down3, self.down4 = _VisageDown(c, d), _VisageDown(d, e, last_norm=False)
        self.up1, self.up2 = _VisageUp(e, d), _VisageUp(2 * d, c)
        self.up3, self.up4 = _VisageUp(2 * c, b), _VisageUp(2 * b, a)
        self.final = nn.Conv2d(a, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 5, S, S) -> (N, 3, S, S)."""
        d1 = self.down1(self.initial(x))
        d2 = self.down2(d1)
        d3 = self.down3(d2)
        y = self.up1(self.down4(d3))
        y = self.up2(torch.cat([y, d3], dim=1))
        y = self.up3(torch.cat([y, d2], dim=1))
        y = self.up4(torch.cat([y, d1], dim=1))
        return torch.tanh(self.final(y))


# ---- ry-lu's FRAN --------------------------------------------------------------------------------------------------


def _depthwise(x: Tensor, row: tuple[float, ...], *, stride: int = 1, padding: int = 0) -> Tensor:
    kernel = binomial(1, row).to(x).expand(x.shape[1], 1, len(row), len(row))
    return functional.conv2d(x, kernel, stride=stride, padding=padding, groups=x.shape[1])


_GAUSS = math.exp(-1 / (2 * 1.5**2))
"""The side taps of a Gaussian of sigma 1.5 whose middle tap is 1."""


class _FranPair(nn.Module):
    """Twice: convolution, batch norm, LeakyReLU."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(channels, out), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = _conv(out, out), nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.leaky_relu(self.bn1(self.conv1(x)))
        return functional.leaky_relu(self.bn2(self.conv2(x)))


class _FranDown(_FranPair):
    def forward(self, x: Tensor) -> Tensor:
        x = _depthwise(functional.max_pool2d(x, 2, stride=1), (1.0, 2.0, 1.0), stride=2, padding=1)
        return super().forward(x)


class _FranUp(_FranPair):
    def forward(self, x: Tensor, skip: Tensor) -> Tensor:  # type: ignore[override]
        x = _depthwise(functional.pad(x, (1, 1, 1, 1), "reflect"), (_GAUSS, 1.0, _GAUSS))
        x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return super().forward(torch.cat([x, skip], dim=1))


class RyLuFran(nn.Module):
    """ry-lu's FRAN: RGB in -1..1, answers the delta in the same scale; its first two norms are one and the same."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d, e = WIDTHS
        self.conv1, self.conv2, self.batchnorm1 = _conv(5, a), _conv(a, a), nn.BatchNorm2d(a)
        self.downlayer1, self.downlayer2 = _FranDown(a, b), _FranDown(b, c)
        self.downlayer3, self.downlayer4 = _FranDown(c, d), _FranDown(d, e)
        self.uplayer1, self.uplayer2 = _FranUp(e + d, d), _FranUp(d + c, c)
        self.uplayer3, self.uplayer4 = _FranUp(c + b, b), _FranUp(b + a, a)
        self.conv3 = nn.Conv2d(a, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 5, S, S) -> (N, 3, S, S)."""
        x = functional.leaky_relu(self.batchnorm1(self.conv1(x)))
        x0 = functional.leaky_relu(self.batchnorm1(self.conv2(x)))
        x1 = self.downlayer1(x0)
        x2 = self.downlayer2(x1)
        x3 = self.downlayer3(x2)
        y = self.uplayer1(self.downlayer4(x3), x3)
        y = self.uplayer3(self.uplayer2(y, x2), x1)
        return self.conv3(self.uplayer4(y, x0))  # type: ignore[no-any-return]
