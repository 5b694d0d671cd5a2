"""What one step of training learns from: the weights it begins with, and the change it wants."""

import pytest
import torch

from tests.lab.train.people import PLAIN, recipe_in
from tests.run_vfxage import run
from vfxage.ager import ARCHITECTURES
from vfxage.ager.checkpoint import load_checkpoint, save_checkpoint
from vfxage.errors import ModelError
from vfxage.lab.train.batches import Batch
from vfxage.lab.train.losses import contrast_loss


def learner_of(path):
    from vfxage.lab.train import load_recipe
    from vfxage.lab.train.learner import Learner
    from vfxage.lab.train.parallel import World

    return Learner(load_recipe(path), World(0, 1, torch.device("cpu")))


def some_batch(size=32):
    pictures = torch.randint(0, 255, (2, size, size, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    return Batch(
        step=0,
        indices=(0, 1),
        source=pictures,
        target=255 - pictures,
        portrait=pictures[:0],
        weight=torch.full((2, 1, size // 4, size // 4), 255, dtype=torch.uint8),
        ages=torch.tensor([[20.0, 60.0], [70.0, 30.0]]),
    )


def test_weights_beyond_half_precision_say_which_key_helps(tmp_path):
    learner = learner_of(recipe_in(tmp_path, PLAIN))
    learner.answer_mean.network.delta.weight.data.fill_(1e5)
    with pytest.raises(ModelError, match=r"half precision.*export_half: false"):
        learner.export(tmp_path / "out.safetensors")


def test_fine_tuning_begins_with_the_checkpoint_and_keeps_its_norms(tmp_path):
    row = ARCHITECTURES["ry_lu"]
    torch.manual_seed(5)
    begun = row.build().state_dict()
    save_checkpoint(tmp_path / "begun.safetensors", row, begun)
    recipe = recipe_in(tmp_path, PLAIN + "model: {architecture: ry_lu, init: begun.safetensors}\n")
    learner = learner_of(recipe)
    learner.learn(some_batch())
    tuned = learner.network.state_dict()
    for key, value in begun.items():
        if "running" in key or not value.is_floating_point():
            assert torch.equal(tuned[key], value), key
        else:
            assert (tuned[key] - value).abs().max() < 2e-3, key
    assert not torch.equal(tuned["conv3.weight"], begun["conv3.weight"])
    learner.export(tmp_path / "tuned.safetensors")
    assert "not stated (ry-lu)" in load_checkpoint(tmp_path / "tuned.safetensors").architecture.licence
    recipe.write_text(recipe.read_text().replace("architecture: ry_lu", "architecture: visage"))
    run("train", recipe, "--device", "cpu").fails(2, "begun.safetensors", "architecture: ry_lu")
    recipe.write_text(recipe.read_text().replace("init: begun", "init: gone"))
    run("train", recipe, "--device", "cpu").fails(5, "gone.safetensors")


def test_values_that_are_nan_end_the_run_in_one_line(tmp_path):
    learner = learner_of(recipe_in(tmp_path, PLAIN))
    next(learner.network.parameters()).data.fill_(float("nan"))
    with pytest.raises(ModelError, match="NaN"):
        learner.learn(some_batch())


def lines_of(period, phase, size=128):
    """(1, 3, size, size): upright lines of a strength of 0.02."""
    wave = 0.02 * torch.sin(2 * torch.pi * (torch.arange(float(size)) + phase) / period)
    return wave.expand(1, 3, size, size)


@pytest.mark.parametrize("period", [4, 8, 16, 32])
def test_contrast_asks_for_lines_of_the_wanted_strength_wherever_they_run(period):
    wanted, face = lines_of(period, 0.5), torch.ones(1, 1, 128, 128)
    elsewhere, faint = lines_of(period, 0.5 + period / 2), 0.5 * wanted
    assert contrast_loss(wanted, wanted, face) < 1e-6
    assert contrast_loss(elsewhere, wanted, face) < 0.1 * contrast_loss(faint, wanted, face)
    assert contrast_loss(faint, wanted, face) < 0.6 * contrast_loss(0 * wanted, wanted, face)
    assert contrast_loss(2 * wanted, wanted, face) > 0.01  # too strong is as wrong as too faint


def test_contrast_asks_for_the_wanted_strength_where_nobody_knows_which_third_has_the_lines():
    lines, face = lines_of(8, 0.5, 192), torch.ones(1, 1, 192, 192)
    wanted = torch.cat([lines[..., :64], 0 * lines[..., 64:]], dim=-1)
    everywhere = lines / 3**0.5  # as strong as wanted, over the whole face
    assert contrast_loss(everywhere, wanted, face) < 0.8 * contrast_loss(0 * wanted, wanted, face)


def test_contrast_asks_for_the_wanted_tone():
    wanted, face = torch.full((1, 3, 128, 128), -0.04), torch.ones(1, 1, 128, 128)
    assert contrast_loss(0.5 * wanted, wanted, face) == pytest.approx(0.02, rel=0.05)
    assert contrast_loss(wanted, wanted, face) < 1e-6


def test_contrast_looks_at_the_face_alone():
    wanted, face = lines_of(8, 0.5), torch.ones(1, 1, 128, 128)
    face[..., 64:] = 0
    wrong_outside = torch.cat([wanted[..., :64], 0 * wanted[..., 64:]], dim=-1)
    wrong_inside = torch.cat([0 * wanted[..., :64], wanted[..., 64:]], dim=-1)
    assert contrast_loss(wrong_outside, wanted, face) < 0.2 * contrast_loss(wrong_inside, wanted, face)
