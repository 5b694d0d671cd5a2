"""Effects of cameras on a batch of pictures: light, blur, grain, JPEG, and objects in front of the face.

All take and give (B, 3, S, S) float32 sRGB on any device. A strength is one number for each example.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

LUMA = (0.299, 0.587, 0.114)
KERNEL = 15
"""Pixels across the largest blur."""

_QUANTA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
"""JPEG's own example table for luma (ITU T.81, K.1), which encoders scale by quality."""
_CHROMA_QUANTA = ((17, 18, 24, 47), (18, 21, 26, 66), (24, 26, 56, 99), (47, 66, 99, 99))
"""The same for chroma: the corner; all else is 99."""
_GAMMA = 2.2


def gains(stops: Tensor, warmth: Tensor, tint: Tensor) -> Tensor:
    """Gain of code values (B, 3, 1, 1) for an exposure in ``stops`` and a shift of white (a factor, on a gamma)."""
    linear = torch.stack([stops + warmth, stops - tint, stops - warmth], dim=1)
    return torch.exp2(linear / _GAMMA)[:, :, None, None]


def graded(pictures: Tensor, contrast: Tensor, saturation: Tensor, hue: Tensor) -> Tensor:
    """Contrast about middle grey and saturation about luma, factors (B,), and colours turned by ``hue`` turns (B,)."""
    y = luma(pictures)
    blue, red = (pictures[:, 2:] - y) / (1 - LUMA[2]), (pictures[:, :1] - y) / (1 - LUMA[0])
    angle = (2 * math.pi * hue)[:, None, None, None]
    size = (contrast * saturation)[:, None, None, None]
    cosine, sine = size * torch.cos(angle), size * torch.sin(angle)
    blue, red = cosine * blue - sine * red, sine * blue + cosine * red
    y = 0.5 + contrast[:, None, None, None] * (y - 0.5)
    red, blue = y + (1 - LUMA[0]) * red, y + (1 - LUMA[2]) * blue
    return torch.cat([red, (y - LUMA[0] * red - LUMA[2] * blue) / LUMA[1], blue], dim=1)


def gradient(size: int, stops: Tensor, angle: Tensor) -> Tensor:
    """Light that falls off across the picture: gain (B, 1, S, S), half of ``stops`` either way along ``angle``."""
    place = (torch.arange(size, device=stops.device, dtype=torch.float32) + 0.5) / size - 0.5
    along = (
        torch.cos(angle)[:, None, None] * place[None, None, :] + torch.sin(angle)[:, None, None] * place[None, :, None]
    )
    return torch.exp2(stops[:, None, None] * along / _GAMMA)[:, None]


def disc(radius: Tensor) -> Tensor:
    """Kernels (B, K, K) of a lens out of focus: discs with soft edges, summing to 1."""
    x, y = _offsets(radius.device)
    kernel = (radius[:, None, None] + 0.5 - torch.hypot(x, y)).clamp(0, 1)
    return kernel / kernel.sum((1, 2), keepdim=True)


def streak(length: Tensor, angle: Tensor) -> Tensor:
    """Kernels (B, K, K) of a straight move during the exposure: lines with soft edges, summing to 1."""
    x, y = _offsets(length.device)
    cosine, sine = torch.cos(angle)[:, None, None], torch.sin(angle)[:, None, None]
    along, across = (x * cosine + y * sine).abs(), (y * cosine - x * sine).abs()
    kernel = (length[:, None, None] / 2 + 0.5 - along).clamp(0, 1) * (1 - across).clamp(0, 1)
    return kernel / kernel.sum((1, 2), keepdim=True)


def _offsets(device: torch.device) -> tuple[Tensor, Tensor]:
    row = torch.arange(KERNEL, device=device, dtype=torch.float32) - KERNEL // 2
    return row[None, None, :], row[None, :, None]


def convolved(pictures: Tensor, kernels: Tensor) -> Tensor:
    """Blur each picture with its own kernel (B, K, K), edges repeated."""
    count, channels, height, width = pictures.shape
    pad = KERNEL // 2
    flat = functional.pad(pictures, (pad, pad, pad, pad), "replicate").reshape(
        1, count * channels, height + 2 * pad, -1
    )
    weight = kernels.repeat_interleave(channels, 0)[:, None]
    return functional.conv2d(flat, weight, groups=count * channels).reshape(count, channels, height, width)


def grain(pictures: Tensor, noise: Tensor, amount: Tensor, softness: Tensor, colour: Tensor) -> Tensor:
    """Add film grain: strongest in the middle tones, partly equal in the channels and in neighbouring pixels.

    ``noise`` is (B, 4, S, S) of unit variance: one field for all channels and one for each; ``softness`` is the share
    that neighbours add, ``colour`` that of the channels' own fields, 0 to 1.
    """
    share = colour[:, None, None, None]
    field = noise[:, :1] * (1 - share) + noise[:, 1:] * share
    side = (softness / 2)[:, None, None, None]
    rolled = field + side * (torch.roll(field, 1, 2) + torch.roll(field, 1, 3) + torch.roll(field, (1, 1), (2, 3)))
    field = rolled / torch.sqrt((1 + 3 * side**2) * (share**2 + (1 - share) ** 2))
    tone = luma(pictures)
    return pictures + amount[:, None, None, None] * (0.3 + 2.8 * tone * (1 - tone)) * field


def luma(pictures: Tensor) -> Tensor:
    """(B, 1, S, S)."""
    return sum(weight * pictures[:, i : i + 1] for i, weight in enumerate(LUMA))  # type: ignore[return-value]


def jpeg(pictures: Tensor, quality: Tensor, halve_chroma: Tensor) -> Tensor:
    """Pictures (0..1) after JPEG compression at ``quality`` 1 to 100; S is a multiple of 16.

    If ``halve_chroma`` (B,) is true, colour is stored at half the size, 4:2:0.
    """
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    fine = torch.tensor(_QUANTA, dtype=torch.float32, device=pictures.device)
    coarse = torch.full((8, 8), 99.0, device=pictures.device)
    coarse[:4, :4] = torch.tensor(_CHROMA_QUANTA, dtype=torch.float32, device=pictures.device)

    def table(base: Tensor) -> Tensor:
        return ((base * scale[:, None, None] + 50) / 100).floor().clamp(1, 255)

    y = luma(pictures)
    chroma = torch.cat([(pictures[:, 2:3] - y) / 1.772, (pictures[:, 0:1] - y) / 1.402], dim=1)
    half = _coded(functional.avg_pool2d(chroma, 2), table(coarse))
    half = functional.interpolate(half, scale_factor=2.0, mode="bilinear", align_corners=False)
    chroma = torch.where(halve_chroma[:, None, None, None], half, _coded(chroma, table(coarse)))
    y = _coded(y - 0.5, table(fine)) + 0.5
    blue, red = y + 1.772 * chroma[:, :1], y + 1.402 * chroma[:, 1:]
    green = (y - LUMA[0] * red - LUMA[2] * blue) / LUMA[1]
    return torch.cat([red, green, blue], dim=1).clamp(0, 1)


def _coded(planes: Tensor, table: Tensor) -> Tensor:
    """Planes (B, C, S, S) whose 8x8 blocks were cosine-transformed and rounded to multiples of ``table`` (B, 8, 8)."""
    index = torch.arange(8, device=planes.device, dtype=torch.float32)
    cosines = torch.cos((2 * index[None, :] + 1) * index[:, None] * math.pi / 16) / 2
    cosines[0] = math.sqrt(1 / 8)
    count, channels, height, width = planes.shape
    blocks = planes.reshape(count, channels, height // 8, 8, width // 8, 8).transpose(3, 4) * 255
    steps = table[:, None, None, None]
    kept = torch.round(cosines @ blocks @ cosines.T / steps) * steps
    return (cosines.T @ kept @ cosines / 255).transpose(3, 4).reshape(count, channels, height, width)


def blob(noise: Tensor, area: Tensor) -> Tensor:
    """A mask (B, 1, S, S) of a shape with soft edges that covers about ``area`` of the picture.

    ``noise`` is (B, 1, S, S), smooth: the shape is where it is highest.
    """
    flat = noise[:, :, ::4, ::4].flatten(1)
    rank = (flat.shape[1] * (1 - area)).long().clamp(0, flat.shape[1] - 1)
    level = flat.sort(dim=1).values.gather(1, rank[:, None])[:, :, None, None]
    spread = flat.std(dim=1)[:, None, None, None].clamp_min(1e-6)
    return ((noise - level) / (0.1 * spread) + 0.5).clamp(0, 1)
