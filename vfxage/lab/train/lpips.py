"""LPIPS by VGG16 (Zhang et al., CVPR 2018), from weights that the user has: how different two pictures look."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from vfxage.ager.weight_files import read_state
from vfxage.errors import ModelError

_STAGES = (((0, 2), 64), ((5, 7), 128), ((10, 12, 14), 256), ((17, 19, 21), 512), ((24, 26, 28), 512))
"""torchvision's numbers of VGG16's convolutions between poolings, and their channels."""
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""LPIPS's own scaling of RGB in -1..1."""


class Lpips(nn.Module):
    """(B, 3, S, S) twice, sRGB 0..1 -> (B,): 0 for the same picture."""

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        channels = 3
        self.convolutions = nn.ModuleDict()
        self.linear = nn.ParameterList()
        for places, width in _STAGES:
            for place in places:
                self.convolutions[str(place)] = nn.Conv2d(channels, width, 3, padding=1)
                channels = width
            self.linear.append(torch.empty(1, width, 1, 1))
        self.register_buffer("shift", torch.tensor(_SHIFT)[None, :, None, None])
        self.register_buffer("scale", torch.tensor(_SCALE)[None, :, None, None])

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        """Distances (B,)."""
        pair = ((torch.cat([one, other]) * 2 - 1) - self.shift) / self.scale
        total = pair.new_zeros(len(one))
        for stage, (places, _) in enumerate(_STAGES):
            pair = functional.max_pool2d(pair, 2) if stage else pair
            for place in places:
                pair = functional.relu(self.convolutions[str(place)](pair))
            length = pair.square().sum(1, keepdim=True).sqrt() + 1e-10
            first, second = (pair / length).chunk(2)
            total = total + ((first - second).square() * self.linear[stage]).sum(1).mean((1, 2))
        return total


def load_lpips(vgg: Path, lin: Path) -> Lpips:
    """Make the measure from torchvision's VGG16 and the LPIPS project's linear layers.

    Raises ModelError for files that are missing, damaged, hostile or hold something else.
    """
    network = Lpips()
    state: dict[str, Tensor] = dict(network.state_dict())
    trunk, heads = read_state(vgg), read_state(lin)
    for places, _ in _STAGES:
        for place in places:
            for part in ("weight", "bias"):
                key = f"convolutions.{place}.{part}"
                state[key] = _taken(trunk, f"features.{place}.{part}", state[key], vgg)
    for stage in range(len(_STAGES)):
        key = f"linear.{stage}"
        state[key] = _taken(heads, f"lin{stage}.model.1.weight", state[key], lin)
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def _taken(state: Mapping[str, object], key: str, like: Tensor, path: Path) -> Tensor:
    value = state.get(key)
    if not isinstance(value, Tensor) or value.shape != like.shape or not value.is_floating_point():
        kind = "torchvision's VGG16" if key.startswith("features") else "LPIPS's linear layers for VGG (vgg.pth)"
        raise ModelError(
            f"has no tensor {key} of shape {'x'.join(map(str, like.shape))}", path=path, fix=f"name {kind}"
        )
    return value
