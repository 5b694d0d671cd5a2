"""SAM and AgeTransGAN answer what their authors' networks answer, with weights drawn as ``LAYOUTS.md`` says.

The whole of SAM has 567 million weights. One encoder and the decoder are tested, each on the fixture's own numbers.
"""

import math
import re

import numpy as np
import pytest
import torch

from vfxage.ager.agetransgan import TenGroups
from vfxage.ager.sam import Encoder, Mix, Sam

SLOPES = ("input_layer.2.weight", "res_layer.2.weight")
CODE_LINEAR = re.compile(r"styles\.\d+\.linear\.weight")


def draw(network, seed, equalised):
    """Give the network the fixture's weights, key by key from one generator."""
    generator = torch.Generator().manual_seed(seed)
    for key, tensor in sorted(network.state_dict().items()):
        if not key.endswith((".kernel", ".num_batches_tracked")):
            tensor.copy_(_value(key, tensor.shape, generator, equalised or CODE_LINEAR.fullmatch(key)))


def _value(key, shape, generator, equalised):
    if key.endswith(".running_var"):
        return 1 + 0.5 * torch.rand(shape, generator=generator)
    drawn = torch.randn(shape, generator=generator)
    if key.startswith("style."):
        return drawn * (100 if key.endswith("weight") else 5)
    if key.startswith("noises."):
        return drawn
    if key.endswith(".modulation.bias"):
        return 1 + 0.1 * drawn
    if key.endswith((".noise.weight", ".running_mean")):
        return 0.1 * drawn
    if key.endswith("bias"):
        return 0.05 * drawn
    if key.endswith(SLOPES):
        return 0.25 + 0.05 * drawn
    if key.endswith("res_layer.4.weight"):
        return 0.3 + 0.1 * drawn
    if len(shape) == 1:
        return 1 + 0.1 * drawn
    return drawn if equalised else drawn * math.sqrt(2 / math.prod(shape[1:]))


@pytest.fixture
def fixture(checkpoints):
    def load(name):
        with np.load(checkpoints / "fixtures" / f"{name}.npz") as arrays:
            return dict(arrays)

    return load


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.inference_mode():
        yield


def test_sams_encoder_answers_what_the_original_answers(fixture):
    encoder = Encoder(4).eval().requires_grad_(False)
    draw(encoder, 1, equalised=False)
    x = 2 * torch.rand((1, 3, 256, 256), generator=torch.Generator().manual_seed(4)) - 1
    codes = encoder(torch.cat([x, torch.full((1, 1, 256, 256), 0.65)], dim=1))
    np.testing.assert_allclose(codes, fixture("sam_1024")["codes_encoder"], atol=1e-4, rtol=0)


def test_sams_decoder_and_its_style_mixing_answer_what_the_original_answers(fixture):
    known = {name: torch.from_numpy(value) for name, value in fixture("sam_1024").items() if value.dtype == np.float32}
    with torch.device("meta"):
        network = Sam()
    network.decoder.to_empty(device="cpu").eval().requires_grad_(False)
    draw(network.decoder, 0, equalised=True)
    for key, value in network.decoder.named_buffers():
        if key.endswith(".kernel"):
            row = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
            value.copy_(torch.outer(row, row))  # the decoder only doubles
    average = 0.5 * torch.randn((18, 512), generator=torch.Generator().manual_seed(3))
    codes = known["codes_encoder"] + known["codes_pretrained"] + average
    generator = torch.Generator().manual_seed(4)
    torch.rand((1, 3, 256, 256), generator=generator)
    mapped = network.decoder.style(torch.randn((1, 512), generator=generator))
    np.testing.assert_allclose(mapped, known["mapped"], atol=5e-5, rtol=0)
    mixed = network.with_mix(Mix(mapped.expand(18, -1), (8, 9), 0.5))
    y, y_mixed = (network.decoder(one.mixed(codes)) for one in (network, mixed))
    np.testing.assert_allclose(y[:, :, 8::16, 8::16], known["y_grid"], atol=5e-4, rtol=0)
    np.testing.assert_allclose(y[:, :, 480:544, 480:544], known["y_crop"], atol=5e-4, rtol=0)
    np.testing.assert_allclose(y_mixed[:, :, 16::32, 16::32], known["y_mixed_grid"], atol=5e-4, rtol=0)


def test_agetransgan_answers_what_the_original_answers(fixture):
    known, network = fixture("agetransgan_10_1024"), TenGroups().eval().requires_grad_(False)
    draw(network, 0, equalised=True)
    x = 2 * torch.rand((1, 3, 1024, 1024), generator=torch.Generator().manual_seed(1)) - 1
    generator = torch.Generator().manual_seed(2)
    noise = {name: torch.randn((1, *shape), generator=generator) for name, shape in TenGroups.optional.items()}
    found = network.bare({"x": x, "label": torch.from_numpy(known["label"])[None], **noise})
    np.testing.assert_allclose(found["latent"], known["latent"], atol=1e-4, rtol=0)
    np.testing.assert_allclose(found["y"][:, :, 8::16, 8::16], known["y_grid"], atol=1e-4, rtol=0)
    np.testing.assert_allclose(found["y"][:, :, 480:544, 480:544], known["y_crop"], atol=1e-4, rtol=0)
