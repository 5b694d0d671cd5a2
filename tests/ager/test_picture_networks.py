"""Networks that answer whole pictures: their published keys and their authors' answers, and ages between groups."""

import argparse
import math
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tests.ager.conftest import flat_state, random_tensor
from tests.run_vfxage import run
from vfxage.ager import load_ager
from vfxage.ager.agetransgan import TEN_GROUPS
from vfxage.ager.architectures import ARCHITECTURES
from vfxage.ager.checkpoint import load_checkpoint
from vfxage.ager.contract import Answer, MeasuresNothing
from vfxage.ager.cost import architecture_cost
from vfxage.ager.fast_aginggan import FastAgingGan
from vfxage.ager.picture import group_labels
from vfxage.ager.reconstruction import FromReconstruction
from vfxage.ager.sauravsjk import SauravSjk
from vfxage.ager.style import reference_crop
from vfxage.ager.tensorflow_bundle import _entries, _entry, _name
from vfxage.errors import ModelError, ReadError, ShotError
from vfxage.lab.portraits import crop_portrait, scan_portraits
from vfxage.shot.models import Style
from vfxage.types import Framing

VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"


def published(path: Path) -> dict[str, str]:
    lines = [line.split() for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return {key: shape for key, shape, *_ in lines}


@pytest.mark.parametrize("name", ["sam", "agetransgan_10", "agetransgan_4", "fast_aginggan"])
def test_state_has_the_published_keys_and_shapes(name, checkpoints):
    with torch.device("meta"):
        state = ARCHITECTURES[name].build().state_dict()
    own = {key: "x".join(map(str, value.shape)) or "scalar" for key, value in state.items() if key != "latent_avg"}
    assert own == published(checkpoints / f"{name}.txt")


def test_fast_aginggan_answers_what_the_original_answers(checkpoints):
    network, generator = FastAgingGan().eval().requires_grad_(False), torch.Generator().manual_seed(0)
    for key, tensor in sorted(network.state_dict().items()):
        if not key.endswith(".num_batches_tracked"):
            tensor.copy_(_fast_value(key, tensor.shape, generator))
    with np.load(checkpoints / "fixtures" / "fast_aginggan_64x64.npz") as fixture:
        answer = network.bare({"x": torch.from_numpy(fixture["x"])})["y"].numpy()
        np.testing.assert_allclose(answer, fixture["y"], atol=1e-5, rtol=0)


def _fast_value(key, shape, generator):
    if key.endswith("bias"):
        return 0.05 * torch.randn(shape, generator=generator)
    if key.endswith("conv_block.6.weight"):
        return 0.3 + 0.1 * torch.randn(shape, generator=generator)
    if key.endswith(".running_var"):
        return 1 + 0.5 * torch.rand(shape, generator=generator)
    if key.endswith(".running_mean"):
        return 0.1 * torch.randn(shape, generator=generator)
    if len(shape) == 1:
        return 1 + 0.1 * torch.randn(shape, generator=generator)
    return torch.randn(shape, generator=generator) * math.sqrt(2 / math.prod(shape[1:]))


@pytest.fixture(scope="module")
def bundle(checkpoints, tmp_path_factory):
    """The folder of a SavedModel: the index that TensorFlow wrote, and a data file laid out as it says."""
    folder = tmp_path_factory.mktemp("saved model") / "variables"
    folder.mkdir()
    index = (checkpoints / "fixtures" / "sauravsjk_variables.index").read_bytes()
    (folder / "variables.index").write_bytes(index)
    generator = torch.Generator().manual_seed(0)
    drawn = {
        key.removesuffix(VALUE): _tensorflow_value(key.removesuffix(VALUE), shape, generator)
        for key, shape in sorted(published(checkpoints / "sauravsjk.txt").items())
    }
    entries = {_name(key): _entry(value) for key, value in _entries(index) if key}
    with (folder / "variables.data-00000-of-00001").open("wb") as file:
        for key, value in drawn.items():
            file.seek(entries[key].offset)
            file.write(value.numpy().tobytes())
    return folder.parent


def _tensorflow_value(key, text, generator):
    shape = tuple(map(int, text.split("x")))
    return random_tensor(key, shape, generator, math.prod(shape[:-1]))


def test_sauravsjk_is_read_without_tensorflow_and_answers_what_the_original_answers(bundle, checkpoints):
    network = load_checkpoint(bundle).network()
    assert isinstance(network, SauravSjk)
    x = torch.randint(0, 256, (1, 3, 200, 200), generator=torch.Generator().manual_seed(1)).float()
    with np.load(checkpoints / "fixtures" / "sauravsjk_200.npz") as fixture, torch.inference_mode():
        found = network.bare({"x": x, "label": torch.from_numpy(fixture["label"])[None]})
        y = found["y"].numpy()
        np.testing.assert_allclose(found["identity"].numpy(), fixture["identity"], atol=2e-4, rtol=0)
        np.testing.assert_allclose(y[:, :, 2::4, 2::4], fixture["y_grid"], atol=5e-3, rtol=0)
        np.testing.assert_allclose(y[:, :, 68:132, 68:132], fixture["y_crop"], atol=5e-3, rtol=0)


def test_a_torn_index_or_data_file_is_refused(bundle, tmp_path):
    index = (bundle / "variables" / "variables.index").read_bytes()
    place = tmp_path / "variables.index"
    for bad in (index[:-1], index[:100], b"", index[:500] + bytes([index[500] ^ 1]) + index[501:]):
        place.write_bytes(bad)
        with pytest.raises(ModelError, match="damaged index"):
            load_checkpoint(place)
    place.write_bytes(index)
    with pytest.raises(ModelError, match="has no data file"):
        load_checkpoint(tmp_path)
    (tmp_path / "variables.data-00000-of-00001").write_bytes(bytes(1000))
    with pytest.raises(ModelError, match="ends before tensor"):
        load_checkpoint(tmp_path)


def test_a_label_is_whole_in_the_middle_of_a_group_and_half_on_a_bound():
    ages = torch.tensor([0.0, 25.0, 50.0, 60.0, 65.0, 99.0])
    labels = group_labels(ages, TEN_GROUPS).numpy()
    shares: list[dict[int, float]] = [{0: 1}, {5: 1}, {7: 0.5, 8: 0.5}, {8: 1}, {8: 0.75, 9: 0.25}, {9: 1}]
    for age, want in enumerate(shares):
        row = np.zeros(10)
        row[list(want)] = list(want.values())
        np.testing.assert_allclose(labels[age], row, atol=1e-6)


def test_fast_aginggan_follows_the_years_and_refuses_a_younger_target(tmp_path, crop_of):
    torch.save(flat_state("fast_aginggan", 0.01), tmp_path / "state_dict.pth", _use_new_zipfile_serialization=False)
    ager = load_ager(str(tmp_path / "state_dict.pth"), "cpu")
    rgb = np.random.default_rng(0).random((512, 512, 3), np.float32)
    none, some, all_ = (ager([crop_of(rgb, ages=(30.0, age))])[0].step for age in (30.0, 50.0, 70.0))
    assert not none.any()
    np.testing.assert_allclose(2 * some, all_, atol=1e-5)
    with pytest.raises(ShotError, match="older only"):
        ager([crop_of(rgb, ages=(30.0, 29.0))])


class BadInverter(MeasuresNothing):
    """An ager that gets the face wrong by a constant error, and brightens it by a hundredth for each year."""

    name = fingerprint = note = "bad inverter"
    device = "cpu"
    framing = Framing(name="ffhq")
    sizes: tuple[int, ...] = (64,)
    frames_per_call = workers_default = 1

    def fingerprint_on(self, device: str) -> str:
        return self.fingerprint

    def __call__(self, crops):
        error = np.random.default_rng(0).normal(0, 0.1, (64, 64, 3)).astype(np.float32)
        return [Answer(step=error + np.float32(0.01 * crop.ages[1])) for crop in crops]


def test_a_network_that_only_inverts_badly_changes_nothing_at_equal_ages(crop_of):
    ager = FromReconstruction(BadInverter())
    grey = np.full((64, 64, 3), 0.5, np.float32)
    answers = ager([crop_of(grey, ages=(40.0, age)) for age in (40.0, 60.0, 20.0)])
    same, older, younger = (answer.step for answer in answers)
    assert not same.any()
    np.testing.assert_allclose(older, 0.2, atol=1e-5)
    np.testing.assert_allclose(younger, -0.2, atol=1e-5)
    assert ager.fingerprint != BadInverter.fingerprint


def test_a_network_looks_once_at_a_picture_however_many_ages_are_asked(tmp_path, crop_of, monkeypatch):
    torch.save(flat_state("fast_aginggan", 0.01), tmp_path / "state_dict.pth")
    looks = []

    def look(network, rgb):
        looks.append(rgb.shape[0])
        return -rgb

    monkeypatch.setattr(FastAgingGan, "look", look)
    ager = load_ager(str(tmp_path / "state_dict.pth"), "cpu")
    one, other = np.random.default_rng(0).random((2, 512, 512, 3), np.float32)
    crop = crop_of(one, ages=(30.0, 70.0))
    asked = [
        crop,
        crop_of(other, ages=(30.0, 70.0)),
        replace(crop, ages=(30.0, 50.0)),
        replace(crop, ages=(30.0, 30.0)),
    ]
    steps = [answer.step for answer in ager(asked)]
    assert sum(looks) == 2
    for step, rgb, amount in zip(steps, (one, other, one, one), (1, 1, 0.5, 0), strict=True):
        np.testing.assert_allclose(step, amount * (1 - 2 * rgb), atol=1e-6)


GMAC = {
    "face_reaging": (774.5, 774.5),
    "visage": (368.6, 368.6),
    "sam": (220.3, 147.9),
    "agetransgan_10": (156.6, 156.6),
    "fast_aginggan": (50.8, 0.0),
    "sauravsjk": (58.6, 4.6),
}
"""Billions of multiplications at the size of the training, for the first age and for each further one, as LAYOUTS.md
counts them: SAM's second encoder, all of Fast-AgingGAN and SauravSJK's encoder do not see the age."""


@pytest.mark.parametrize("name", GMAC)
def test_cost_is_what_the_layer_lists_add_up_to(name):
    cost = architecture_cost(ARCHITECTURES[name])
    assert (cost.first / 1e9, cost.further / 1e9) == pytest.approx(GMAC[name], abs=0.05)


def test_a_style_counts_at_equal_ages_too(crop_of):
    class Styled(BadInverter):
        def __call__(self, crops):
            return [Answer(step=answer.step + np.float32(0.05)) for answer in super().__call__(crops)]

    ager = FromReconstruction(Styled(), at_rest=BadInverter())
    grey = np.full((64, 64, 3), 0.5, np.float32)
    same, older = (answer.step for answer in ager([crop_of(grey, ages=(40.0, age)) for age in (40.0, 60.0)]))
    np.testing.assert_allclose(same, 0.05, atol=1e-5)
    np.testing.assert_allclose(older, 0.25, atol=1e-5)


@pytest.mark.parametrize("given", [{}, {"seed": 1, "reference": "hair.jpg"}, {"seed": 1, "layers": (18,)}])
def test_a_style_has_one_source_and_layers_of_18(given):
    with pytest.raises(ValidationError):
        Style(**given)


def test_only_sam_takes_a_style():
    with pytest.raises(ShotError, match="takes no style"):
        load_ager("small", "cpu", style=Style(seed=1))


def test_reference_is_the_face_in_ffhq_framing(portraits):
    (portrait,) = scan_portraits(portraits / "eval").portraits[:1]
    wanted = crop_portrait(portrait, Framing(name="ffhq"), 256).rgb
    found = reference_crop(portrait.path)
    assert np.abs(found - wanted).mean() < 0.02 < np.abs(found - np.roll(wanted, 8, 1)).mean()
    with pytest.raises(ReadError, match="nobody"):
        reference_crop(portraits / "eval" / "nobody.jpg")


@pytest.mark.parametrize("name", ["sam", "agetransgan_10", "fast_aginggan"])
def test_a_tensor_that_is_missing_or_wrong_is_named(name, tmp_path):
    state = flat_state(name)
    first, *_, last = sorted(key for key in state if not key.endswith(".kernel"))
    for bad in ({first: torch.zeros(2, 3)}, {last: None}, {"of.another": torch.zeros(1)}):
        changed = {key: value for key, value in (state | bad).items() if value is not None}
        torch.save(changed, tmp_path / "bad.pt")
        with pytest.raises(ModelError, match=re.escape(next(iter(bad)))):
            load_checkpoint(tmp_path / "bad.pt")


def test_an_old_pickle_becomes_a_file_that_is_mapped(tmp_path):
    """As AgeTransGAN's and Fast-AgingGAN's trainers saved it: an old container, with their arguments beside it."""
    old, new = tmp_path / "old.pth", tmp_path / "new.safetensors"
    saved = {"state_dict": flat_state("fast_aginggan", 0.01), "opts": argparse.Namespace(batch=3)}
    torch.save(saved, old, _use_new_zipfile_serialization=False)
    run("models", "convert", old, new).ok()
    before, after = load_checkpoint(old), load_checkpoint(new)
    assert (before.file.mapped, after.file.mapped) == (False, True)
    assert before.fingerprint == after.fingerprint
    saved["opts"] = os.system
    torch.save(saved, old, _use_new_zipfile_serialization=False)
    run("models", "convert", old, new, "--overwrite").fails(5, "was refused", "system")
