"""The U-Net that finds hair and beards, and its training on the CPU."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from vfxage.ager.relief.hair_network import SIDE
from vfxage.lab.train.hair.examples import example
from vfxage.lab.train.hair.masks import Masked
from vfxage.publish import publish

WIDTHS = (12, 24, 48, 64, 64)
"""Channels from full resolution to 1/16."""
_PLANES = 5
"""Planes of the input: see ``hair_network.network_input``."""
_OPSET = 13
"""Version of ONNX's operators that OpenCV's importer knows."""
_BATCH, _RATE, _DECAY = 12, 2.5e-3, 1e-4
_WARM_UP, _LAST_RATE = 100, 0.02
"""Steps in which the rate rises, and the share of it at the end."""
_OVERLAP, _SMALL = 0.4, 20.0
"""Weight of the overlap in the loss (Milletari et al. 2016), and pixels by which small masks count less in it."""
_BEARDED, _HAIRLESS, _FEW = 1.5, 2.0, 0.005
"""How much more often portraits with a beard, and without hair or with covered hair, are shown: few have or are. The
last is the share of the square below which there is no hair."""


def _block(channels: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True))


class HairUNet(nn.Module):
    """(N, 5, SIDE, SIDE) float32 -> logits (N, 2, SIDE, SIDE) of hair and beard."""

    def __init__(self) -> None:
        super().__init__()
        first = [nn.Sequential(_block(_PLANES, WIDTHS[0]))]
        deeper = [nn.Sequential(_block(a, b), _block(b, b)) for a, b in pairwise(WIDTHS)]
        self.encoders = nn.ModuleList([*first, *deeper])
        self.decoders = nn.ModuleList(_block(a + b, a) for a, b in pairwise(WIDTHS))
        self.out = nn.Conv2d(WIDTHS[0], 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Down by maxima, up by linear interpolation, joined at each size."""
        kept = []
        for level, encoder in enumerate(self.encoders):
            x = encoder(functional.max_pool2d(x, 2) if level else x)
            kept.append(x)
        for level in range(len(self.decoders) - 1, -1, -1):
            x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = self.decoders[level](torch.cat([x, kept[level]], dim=1))
        logits: Tensor = self.out(x)
        return logits


def train(portraits: Sequence[Masked], weights: Path, minutes: float, seed: int = 1) -> HairUNet:
    """Train for some minutes and save the weights; a file of ``weights`` that exists is where training begins.

    Raises WriteError.
    """
    torch.manual_seed(seed)
    network, rng = HairUNet(), np.random.default_rng(seed)
    if weights.exists():
        network.load_state_dict(torch.load(weights, weights_only=True))
    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    shown = np.array([
        (_BEARDED if one.beard.max() > 0.5 else 1.0) * (_HAIRLESS if one.hair.mean() < _FEW else 1.0)
        for one in portraits
    ])  # fmt: skip
    begun, step = time.monotonic(), 0
    while (done := (time.monotonic() - begun) / (60 * minutes)) < 1:
        falling = _LAST_RATE + (1 - _LAST_RATE) * (1 + math.cos(math.pi * done)) / 2
        optimiser.param_groups[0]["lr"] = _RATE * min(1.0, (step + 1) / _WARM_UP) * falling
        batch = [example(portraits, int(k), rng) for k in rng.choice(len(portraits), _BATCH, p=shown / shown.sum())]
        seen, wanted, weight = (torch.from_numpy(np.stack(part)) for part in zip(*batch, strict=True))
        loss = _loss(network(seen), wanted, weight)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        step += 1
    with publish(weights) as partial:
        torch.save(network.state_dict(), partial)
    return network.eval()


def _loss(logits: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """Cross entropy and overlap, both weighted by pixel."""
    entropy = (functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * weight).mean()
    found = torch.sigmoid(logits)
    both, sizes = ((image * weight).sum(dim=(2, 3)) for image in (found * wanted, found + wanted))
    return entropy + _OVERLAP * (1 - (2 * both + _SMALL) / (sizes + _SMALL)).mean()


def export(network: HairUNet, out: Path) -> None:
    """Write the network as ONNX, as ``hair_network`` reads it. Raises WriteError.

    torch's newer exporter needs onnxscript, which nothing else here needs.
    """
    with publish(out) as partial, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network.eval(), (torch.zeros(1, _PLANES, SIDE, SIDE),), str(partial), dynamo=False, opset_version=_OPSET
        )
