"""What one step of training learns from: the weights it begins with, and the change it wants."""

import pytest
import torch

from tests.lab.train.people import PLAIN, curve, recipe_in
from tests.run_vfxage import run
from vfxage.ager import ARCHITECTURES
from vfxage.ager.checkpoint import load_checkpoint, save_checkpoint
from vfxage.errors import ModelError
from vfxage.lab.train.batches import Batch
from vfxage.lab.train.losses import wanted_delta


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


def test_older_lines_are_wanted_stronger_and_no_other_change(tmp_path):
    """At step 1 the network answers zeros, so its losses are the size of the targets."""
    first = []
    for times in (1.0, 2.0):
        folder = tmp_path / f"{times:g}"
        folder.mkdir()
        recipe = recipe_in(folder, PLAIN.replace("batch: 2", "batch: 16") + f"losses: {{older_lines: {times}}}\n")
        run("train", recipe, "--steps", 1, "--device", "cpu").ok()
        first.append(curve(folder)[0])
    assert 1.1 * first[0]["highpass"] < first[1]["highpass"] < 1.9 * first[0]["highpass"]  # half are towards younger
    assert first[1]["l1"] == pytest.approx(first[0]["l1"], rel=0.1)  # these people change in broad tone


def test_lines_are_what_is_fine_where_a_face_has_no_edge():
    rows = torch.arange(64.0)
    source = (0.5 + 0.4 * torch.outer(rows, torch.ones(64)) / 64).repeat(2, 3, 1, 1)
    source[..., 44:] -= 0.4  # a contour, left of which is skin
    tone = 0.1 * torch.outer(torch.ones(64), rows).expand(2, 3, 64, 64) / 64
    lines = (0.02 * (-1.0) ** rows)[:, None].expand(2, 3, 64, 64)
    found = wanted_delta(source, source + tone + lines, torch.tensor([1.0, 2.5]))
    torch.testing.assert_close(found[0], (tone + lines)[0])
    skin = (1, slice(None), slice(8, -8), slice(8, 28))  # along the picture's edge an average lacks its other side
    torch.testing.assert_close(found[skin], (tone + 2.5 * lines)[skin], atol=2e-3, rtol=0)
    moved = source.roll(2, dims=-1)
    found = wanted_delta(source, moved, torch.tensor([1.0, 2.5]))
    extra = (found[1] - found[0]).abs()[:, 8:-8, 16:-8]  # what left on one side came in on the other
    assert extra.max() < 0.02 * (moved - source)[..., 16:-8].abs().max()  # a contour that moves gets no halo


def test_the_change_towards_older_faces_is_as_strong_as_asked(tmp_path):
    """A network that answers nothing is off by what is wanted; of younger faces, nothing more is wanted."""
    found = {}
    for factor in (1, 2):
        folder = tmp_path / str(factor)
        folder.mkdir()
        recipe = recipe_in(folder, PLAIN + f"losses: {{older_change: {factor}}}\n")
        learner, batch = learner_of(recipe), some_batch(64)
        losses = learner.learn(batch)
        found[factor] = losses["l1"] * 2  # the mean of both examples, whose changes are equally large
    assert found[2] == pytest.approx(1.5 * found[1], rel=0.02)
