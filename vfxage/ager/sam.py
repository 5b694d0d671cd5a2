"""SAM (yuval-alaluf), written anew from its layer list: two encoders to StyleGAN2's codes, and its decoder.

The second encoder does not see the age, so it runs once per picture. The first one and the decoder run once per age.

The method: Alaluf et al., "Only a Matter of Style: Age Transformation Using a Style-Based Regression Model", SIGGRAPH
2021. The encoder: Richardson et al., "Encoding in Style", CVPR 2021.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from vfxage.ager.picture import PictureNetwork
from vfxage.ager.stylegan2 import CODE, SIDE, Decoder, EqualisedLinear

INPUT = 256
"""Side of the picture that the encoders see, pixels."""
CODES = 18
_GROUPS = ((64, 64, 3), (64, 128, 4), (128, 256, 14), (256, 512, 3))
"""Channels in, channels out, and blocks of each group of the encoder's body."""
_TAPS = (6, 20, 23)
"""Blocks whose answers the codes are read from."""
_SQUEEZE = 16
_COARSE, _MIDDLE = 3, 7
"""Codes below these come from the coarsest and the middle features, the rest from the finest."""
_STEPS = {"coarse": 4, "middle": 5, "fine": 6}
"""Halvings from these features down to one pixel."""


class _Squeeze(nn.Module):
    """Weigh the channels by what the whole picture holds of them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // _SQUEEZE, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // _SQUEEZE, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        weights = self.fc2(torch.relu(self.fc1(x.mean(dim=(2, 3), keepdim=True))))
        return x * torch.sigmoid(weights)


class _Block(nn.Module):
    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, out, 3, padding=1, bias=False),
            nn.PReLU(out),
            nn.Conv2d(out, out, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(out),
            _Squeeze(out),
        )
        self.shortcut_layer: nn.Module = nn.MaxPool2d(1, stride)
        if channels != out:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(channels, out, 1, stride=stride, bias=False), nn.BatchNorm2d(out)
            )

    def forward(self, x: Tensor) -> Tensor:
        return self.res_layer(x) + self.shortcut_layer(x)  # type: ignore[no-any-return]


class _Code(nn.Module):
    """One code from features, halved down to one pixel."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(steps):
            layers += [nn.Conv2d(CODE, CODE, 3, stride=2, padding=1), nn.LeakyReLU()]
        self.convs, self.linear = nn.Sequential(*layers), EqualisedLinear(CODE, CODE)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.convs(x).flatten(1))  # type: ignore[no-any-return]


class Encoder(nn.Module):
    """Pictures of 256 px to 18 codes; ``channels`` is 3, or 4 with the age."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        first = _GROUPS[0][0]
        self.input_layer = nn.Sequential(
            nn.Conv2d(channels, first, 3, padding=1, bias=False), nn.BatchNorm2d(first), nn.PReLU(first)
        )
        blocks = [
            _Block(before if k == 0 else out, out, 2 if k == 0 else 1)
            for before, out, count in _GROUPS
            for k in range(count)
        ]
        self.body = nn.Sequential(*blocks)
        steps = [_STEPS["coarse"]] * _COARSE + [_STEPS["middle"]] * (_MIDDLE - _COARSE)
        self.styles = nn.ModuleList(_Code(count) for count in steps + [_STEPS["fine"]] * (CODES - _MIDDLE))
        self.latlayer1, self.latlayer2 = nn.Conv2d(256, CODE, 1), nn.Conv2d(128, CODE, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, 256, 256) -> (N, 18, 512)."""
        x = self.input_layer(x)
        taps = []
        for number, block in enumerate(self.body):
            x = block(x)
            if number in _TAPS:
                taps.append(x)
        fine, middle, coarse = taps
        middle = _lifted(coarse, self.latlayer1(middle))
        fine = _lifted(middle, self.latlayer2(fine))
        features = [coarse] * _COARSE + [middle] * (_MIDDLE - _COARSE) + [fine] * (CODES - _MIDDLE)
        return torch.stack([style(one) for style, one in zip(self.styles, features, strict=True)], dim=1)


def _lifted(coarser: Tensor, finer: Tensor) -> Tensor:
    return finer + functional.interpolate(coarser, size=finer.shape[2:], mode="bilinear", align_corners=True)


class _Start(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.input = nn.Parameter(torch.zeros(1, CODE, 4, 4))


class _SamDecoder(Decoder):
    def __init__(self) -> None:
        super().__init__(4)
        self.input = _Start()

    def forward(self, codes: Tensor) -> Tensor:
        """(N, 18, 512) -> (N, 3, 1024, 1024), with the noise of the file."""
        noise = [value for _, value in self.noises.named_buffers()]
        return self.draw(self.input.input.expand(len(codes), -1, -1, -1), codes.unbind(1), noise)


@dataclass(frozen=True, slots=True, eq=False)
class Mix:
    """Codes of another face, and which codes of the answer they go into."""

    codes: Tensor
    """(18, 512)."""
    layers: tuple[int, ...]
    amount: float
    """1 puts the other face's codes in place of the answer's, 0 leaves the answer as it is."""


class Sam(PictureNetwork):
    """The network: RGB 256x256 in -1..1 and the target age, answers RGB 1024x1024."""

    inputs = {"x": (3, INPUT, INPUT), "age": ()}  # noqa: RUF012
    most_workers = 2  # one encoder and two decoders at work are 2.8 GB; each further decoder takes 0.65 GB more

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.pretrained_encoder = Encoder(4), Encoder(3)
        self.decoder = _SamDecoder()
        self.latent_avg = nn.Parameter(torch.zeros(CODES, CODE))
        self.borrow: Callable[[str], Mapping[str, Tensor]] | None = None
        """Gives the weights of an encoder by its name, where they are not kept; see ``lend``."""
        self._turn = threading.Lock()
        self.mix: Mix | None = None
        """Another face's codes for its answers, or none; see ``with_mix``."""

    def lend(self, borrow: Callable[[str], Mapping[str, Tensor]]) -> None:
        """Keep only the decoder, and ask ``borrow`` for the weights of an encoder each time it runs.

        The encoders have 1.07 GB of weights each. Mapped anew from the file for each use, they take memory one after
        the other, and only until the system needs it.
        """
        self.borrow = borrow
        for part in (self.encoder, self.pretrained_encoder):
            part.to_empty(device="meta")
        for owner in self.decoder.modules():
            for name, value in owner.named_parameters(recurse=False):
                setattr(owner, name, nn.Parameter(value.clone(), requires_grad=False))
            for name, value in owner.named_buffers(recurse=False):  # type: ignore[assignment]
                setattr(owner, name, value.clone())
        self.latent_avg = nn.Parameter(self.latent_avg.clone(), requires_grad=False)

    def look(self, rgb: Tensor) -> Tensor:
        """The codes of the picture, without its age: (N, 18, 512)."""
        return self._codes("pretrained_encoder", _small(rgb)) + self.latent_avg

    def picture(self, rgb: Tensor, seen: Tensor, ages: Tensor) -> Tensor:
        """The answer at the target age, as large as ``rgb``."""
        answer = self.decoder(self.mixed(seen + self._aged_codes(_small(rgb), ages[:, 1])))
        return functional.avg_pool2d(answer, SIDE // rgb.shape[-1])

    def bare(self, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """``x`` and ``age`` in years to ``y``, and ``codes`` of the encoder that sees the age."""
        codes = self._aged_codes(arrays["x"], arrays["age"])
        return {"y": self.decoder(codes + self.look(arrays["x"])), "codes": codes}

    def drawn_codes(self, seed: int) -> Tensor:
        """The codes that the mapping network makes of noise: (18, 512), the same one in every layer."""
        z = torch.randn((1, CODE), generator=torch.Generator().manual_seed(seed))
        return self.decoder.style(z.to(self.latent_avg.device)).expand(CODES, -1)  # type: ignore[no-any-return]

    def with_mix(self, mix: Mix) -> Sam:
        """The same network with another face's codes in its answers; both share their weights."""
        twin = copy.copy(self)
        twin.mix = mix
        return twin

    def mixed(self, codes: Tensor) -> Tensor:
        """The codes (N, 18, 512) of an answer, with those of another face in the layers that are chosen for it."""
        if self.mix is None:
            return codes
        layers = list(self.mix.layers)
        codes = codes.clone()
        codes[:, layers] = torch.lerp(codes[:, layers], self.mix.codes[layers], self.mix.amount)
        return codes

    def _aged_codes(self, rgb: Tensor, years: Tensor) -> Tensor:
        plane = (years / 100)[:, None, None, None].expand(-1, 1, INPUT, INPUT)
        return self._codes("encoder", torch.cat([rgb, plane], dim=1))

    def _codes(self, name: str, x: Tensor) -> Tensor:
        """The codes by one encoder. Threads take turns with borrowed weights, so that one encoder is held at a time."""
        part: nn.Module = getattr(self, name)
        if self.borrow is None:
            return part(x)  # type: ignore[no-any-return]
        with self._turn:
            with torch.device("meta"):
                part = Encoder(x.shape[1])
            part.load_state_dict(dict(self.borrow(name)), strict=True, assign=True)
            return part.eval().requires_grad_(False)(x)  # type: ignore[no-any-return]


def _small(rgb: Tensor) -> Tensor:
    """The picture as the encoders see it: the mean over squares."""
    return functional.avg_pool2d(rgb, rgb.shape[-1] // INPUT)
