"""SauravSJK's Face-Aging, written anew from its layer list: an encoder, an age code, and a decoder styled by the code.

A slip of the original is part of what its weights have learned: the decoder's styles are single pixels, whose deviation
is 0, so each adaptive norm divides the picture's features down to almost nothing and adds the style.

The names of the weights are this module's own. ``NAMES`` gives each for its key in a TensorFlow checkpoint.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from vfxage.ager.picture import PictureNetwork, group_labels

SIDE = 200
GROUPS = (0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 110.0)
"""Bounds of the 14 groups, years; the last is open and counts as complete at 105."""
_ENCODER = (64, 128, 256, 512, 512, 512, 512)
_POOLS = (2, 2, 2, 5)
_DECODER = (512, 512, 512, 256, 128, 64)
_ENLARGEMENTS = (1, 1, 5, 2, 2, 2)
_SLOPE = 0.3
_NORM_EPSILON = 1e-3
_STYLE_EPSILON = 1e-5


def _active(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, _SLOPE)


def _same(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """A 4x4 convolution that keeps the size, as TensorFlow pads it: one before, two after."""
    return conv(functional.pad(x, (1, 2, 1, 2)))  # type: ignore[no-any-return]


class _InstanceNorm(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return functional.instance_norm(x, weight=self.weight, bias=self.bias, eps=_NORM_EPSILON)


class _NormedBlock(nn.Module):
    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = _InstanceNorm(channels), nn.Conv2d(channels, out, 4)
        self.norm2, self.conv2 = _InstanceNorm(out), nn.Conv2d(out, out, 4)
        self.skip = nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = _same(_active(self.norm1(x)), self.conv1)
        return _same(_active(self.norm2(y)), self.conv2) + self.skip(x)  # type: ignore[no-any-return]


class _Block(nn.Module):
    """Norm, LeakyReLU, one convolution, plus the block's input; ``normed`` is the input after the norm."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv, self.skip = nn.Conv2d(channels, out, 4), nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor, normed: Tensor) -> Tensor:
        return _same(_active(normed), self.conv) + self.skip(x)  # type: ignore[no-any-return]


class _AgeNorm(nn.Module):
    """Batch norm whose scale and shift come from the label."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        groups = len(GROUPS) - 1
        self.beta, self.gamma = nn.Linear(groups, channels), nn.Linear(groups, channels)
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        means, variances = self.running_mean, self.running_var
        x = functional.batch_norm(x, means, variances, training=self.training, eps=_STYLE_EPSILON)
        return x * self.gamma(label)[..., None, None] + self.beta(label)[..., None, None]  # type: ignore[no-any-return]


class _AgeCode(_Block):
    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels)
        self.norm, self.code = _AgeNorm(channels), nn.Conv2d(channels, channels, 2)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        """(N, C, 5, 5) -> (N, C, 1, 1)."""
        y = super().forward(x, self.norm(x, label))
        return self.code(functional.avg_pool2d(y, 2))  # type: ignore[no-any-return]


class _Styled(_Block):
    def __init__(self, channels: int, out: int) -> None:
        super().__init__(channels, out)
        self.style = nn.Conv2d(_ENCODER[-1], channels, 1)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        plain = functional.instance_norm(x, eps=_STYLE_EPSILON) * _STYLE_EPSILON**0.5
        return super().forward(x, plain + self.style(code))


def _numbered(blocks: list[nn.Module]) -> nn.ModuleDict:
    return nn.ModuleDict({str(number): block for number, block in enumerate(blocks, 1)})


class SauravSjk(PictureNetwork):
    """The generator: RGB 200x200, scaled to 0..255 inside, and a label of 14 groups; answers RGB."""

    inputs = {"x": (3, SIDE, SIDE), "label": (len(GROUPS) - 1,)}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        widths = list(itertools.pairwise(_ENCODER))
        normed = len(_POOLS)
        self.stem = nn.Conv2d(3, _ENCODER[0], 4)
        self.encoder = _numbered(
            [_NormedBlock(*pair) for pair in widths[:normed]] + [_Block(*pair) for pair in widths[normed:]]
        )
        self.age = _AgeCode(_ENCODER[-1])
        pairs = zip((_ENCODER[-1], *_DECODER), _DECODER, strict=False)
        self.decoder = _numbered([_Styled(*pair) for pair in pairs])
        self.output = nn.Conv2d(_DECODER[-1], 3, 1)

    def look(self, rgb: Tensor) -> Tensor:
        """The identity: (N, 3, 200, 200) in 0..1 -> (N, 512, 5, 5)."""
        return self._identity(rgb * 255)

    def picture(self, rgb: Tensor, seen: Tensor, ages: Tensor) -> Tensor:
        """The answer at the target age, in 0..1."""
        return self._draw(seen, group_labels(ages[:, 1], GROUPS)) / 255

    def bare(self, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """``x`` in 0..255 and ``label`` to ``y`` in 0..255, and the ``identity``."""
        identity = self._identity(arrays["x"])
        return {"y": self._draw(identity, arrays["label"]), "identity": identity}

    def _identity(self, x: Tensor) -> Tensor:
        dims = (1, 2, 3)
        deviation = x.std(dims, correction=0, keepdim=True)
        x = (x - x.mean(dims, keepdim=True)) / deviation.clamp(min=(3 * SIDE * SIDE) ** -0.5)
        x = _same(x, self.stem)
        for number, block in enumerate(self.encoder.values()):
            x = functional.avg_pool2d(block(x), _POOLS[number]) if number < len(_POOLS) else block(x, x)
        return x

    def _draw(self, identity: Tensor, label: Tensor) -> Tensor:
        code = self.age(identity, label)
        x = identity
        for block, enlargement in zip(self.decoder.values(), _ENLARGEMENTS, strict=True):
            x = block(x, code)
            if enlargement > 1:
                x = functional.interpolate(x, scale_factor=enlargement, mode="nearest")
        return self.output(x)  # type: ignore[no-any-return]


# ---- TensorFlow's names --------------------------------------------------------------------------------------------

_LAYERS = (
    "stem",
    *(f"encoder.{k}.{part}" for k in (1, 2, 3, 4) for part in ("norm1", "conv1", "norm2", "conv2", "skip")),
    *(f"encoder.{k}.{part}" for k in (5, 6) for part in ("conv", "skip")),
    *(f"age.{part}" for part in ("norm", "conv", "skip", "code")),
    *("decoder.1.style", "decoder.2.style", "decoder.1.conv", "decoder.1.skip", "decoder.3.style"),
    *("decoder.2.conv", "decoder.2.skip", "decoder.3.conv", "decoder.3.skip"),
    *(f"decoder.{k}.{part}" for k in (4, 5, 6) for part in ("style", "conv", "skip")),
    "output",
)
"""Keras' layers with weights in its own order, which is by depth, so some styles come early."""
_PARTS = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "test_mean": "running_mean",
    "test_var": "running_var",
}
_AGE_VARIABLES = ("beta.weight", "beta.bias", "gamma.weight", "gamma.bias")
_FIRST_VARIABLE = 50


def _layer_names(number: int, layer: str) -> dict[str, str]:
    key = f"layer_with_weights-{number}"
    if layer == "age.norm":
        parts: tuple[str, ...] = ("test_mean", "test_var")
    else:
        parts = ("gamma", "beta") if "norm" in layer else ("kernel", "bias")
    return {f"{key}/{part}": f"{layer}.{_PARTS[part]}" for part in parts}


NAMES: dict[str, str] = {
    key: name for number, layer in enumerate(_LAYERS) for key, name in _layer_names(number, layer).items()
} | {f"variables/{_FIRST_VARIABLE + k}": f"age.norm.{part}" for k, part in enumerate(_AGE_VARIABLES)}
"""TensorFlow's key, without the attribute at its end, to the name of the weight here."""
