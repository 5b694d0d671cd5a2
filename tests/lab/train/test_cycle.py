"""Training without pairs: on single portraits it learns, continues to the same bits, and its checkpoint ages a crop."""

import numpy as np
import pytest
import torch
from PIL import Image

from tests.lab.train.people import curve, face
from tests.run_vfxage import run
from vfxage.ager import load_ager
from vfxage.ager.checkpoint import load_checkpoint
from vfxage.ager.cycle import Cycle
from vfxage.lab.train import load_recipe
from vfxage.lab.train.batches import Batch
from vfxage.lab.train.cycle import CycleLearner
from vfxage.lab.train.group_critic import PairOfCritics, ReadingCritic, one_hot_loss
from vfxage.lab.train.parallel import World
from vfxage.types import POINTS, FaceCrop

RECIPE = """
out: run
seed: 3
data: {portraits: [{folder: people, layout: utkface}], side: 64, smallest: 32, holdout: 0.2}
model: {architecture: cycle, export_half: false}
crop: {sizes: [32], whole: 1.0}
augment: false
losses: {adversarial: {weight: 0.1, start: 2, ramp: 4, rate: 2.0e-3, channels: 8}}
schedule: {steps: 1000, batch: 4, warmup: 0, rate: 1.0e-3, decay: none, ema: 0.9}
output: {checkpoint_every: 40, log_every: 1, sheet_every: 6, sheet_people: 1, sheet_ages: [25, 70]}
"""


def recipe_in(folder, text=RECIPE, ages=(20, 24, 45, 47, 60, 75, 80)):
    """A recipe beside a folder of single portraits, named as UTKFace names its files."""
    people = folder / "people"
    people.mkdir()
    for person in range(4):
        for age in ages:
            Image.fromarray(face(person, age)).save(people / f"{age}_0_2_2017{person:02}{age:03}.png")
    (folder / "recipe.yaml").write_text(text, encoding="utf-8")
    return folder / "recipe.yaml"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Thirty-six steps in one go."""
    folder = tmp_path_factory.mktemp("cycle")
    run("train", recipe_in(folder), "--steps", 36, "--device", "cpu").ok()
    return folder


def test_losses_fall(trained):
    lines = [line for line in curve(trained) if "total" in line]
    assert {"back", "identity", "group", "adversarial", "critic", "critic_group"} < set(lines[-1])
    assert "critic" not in lines[0]
    for name, share in (("back", 0.9), ("group", 0.8), ("critic_group", 0.8)):
        losses = [line[name] for line in lines if name in line]
        assert np.mean(losses[-8:]) < share * np.mean(losses[:8]), name


def test_interrupted_run_goes_on_to_the_same_bits(trained, tmp_path):
    recipe = recipe_in(tmp_path)
    for steps in (3, 7, 9):
        run("train", recipe, "--steps", steps, "--device", "cpu").ok()
    assert curve(tmp_path) == [line for line in curve(trained) if line["step"] <= 9]


def test_checkpoint_ages_a_crop_by_the_target_group(trained):
    path = trained / "run" / "cycle_0000036.safetensors"
    ager = load_ager(str(path), "cpu")
    rgb = np.asarray(Image.fromarray(face(1, 40)).resize((256, 256)), np.float32) / 255
    steps = [ager([crop(rgb, (40.0, age))])[0].step for age in (40.0, 75.0)]
    assert not steps[0].any()
    assert np.isfinite(steps[1]).all()
    assert np.abs(steps[1]).max() > 1e-4
    label = torch.zeros(1, 14)
    label[0, 10] = 1  # 70 to 79
    network = load_checkpoint(path).network()
    assert isinstance(network, Cycle)
    x = torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None] * 2 - 1
    made, rest = (
        network.bare({"x": x, "label": one})["y"] for one in (label, label.roll(-4, 1) / 2 + label.roll(-3, 1) / 2)
    )
    np.testing.assert_allclose(steps[1], ((made - rest) / 2)[0].permute(1, 2, 0).numpy(), atol=1e-5)


def crop(rgb, ages):
    return FaceCrop(
        face=0,
        name="one",
        rgb=rgb,
        points=np.zeros((POINTS, 2), np.float32),
        matte=np.ones(rgb.shape[:2], np.float32),
        to_frame=np.eye(2, 3),
        ages=ages,
        intensity=1.0,
    )


def test_critic_that_reads_learns_which_group_a_face_is_of():
    """With a mean square on numbers of groups, as SauravSJK's trainer has it, it would answer 1/14 for each."""
    torch.manual_seed(0)
    critic = ReadingCritic(8, 14)
    optimiser = torch.optim.Adam(critic.parameters(), lr=2e-3)
    groups = torch.tensor([2, 7, 12] * 4)
    for _ in range(60):
        grey = (groups / 14)[:, None, None, None].expand(-1, 3, 32, 32)
        optimiser.zero_grad()
        one_hot_loss(critic.readings(grey + 0.05 * torch.randn(12, 3, 32, 32)), groups).backward()
        optimiser.step()
    with torch.no_grad():
        shares = critic.readings(grey).softmax(1)
    assert torch.equal(shares.argmax(1), groups)
    assert float(shares.max(1).values.min()) > 0.5


def test_each_group_of_fast_aginggan_has_its_critic():
    critic = PairOfCritics(8)
    picture, old = torch.randn(2, 3, 64, 64), torch.ones(2, dtype=torch.long)
    critic.scores(picture, old).sum().backward()
    used = [any(parameter.grad is not None for parameter in one.parameters()) for one in critic.critics]
    assert used == [False, True]


def test_fast_aginggan_is_a_row_of_the_same_trainer(tmp_path):
    text = RECIPE.replace("architecture: cycle", "architecture: fast_aginggan")
    text = text.replace("sizes: [32]", "sizes: [64]").replace("batch: 4", "batch: 1")
    run("train", recipe_in(tmp_path, text), "--steps", 3, "--device", "cpu").ok()
    assert {"back", "identity", "adversarial", "critic"} < set(curve(tmp_path)[2])
    row = load_checkpoint(tmp_path / "run" / "fast_aginggan_0000003.safetensors").architecture
    assert row.older_only


def test_fast_aginggan_needs_young_and_old_people(tmp_path):
    text = RECIPE.replace("architecture: cycle", "architecture: fast_aginggan")
    said = run("train", recipe_in(tmp_path, text, ages=(30, 40, 80)), "--device", "cpu")
    said.fails(2, "too few age groups", "18 to 29 and 55 to 120", "data.portraits")


def test_sauravsjk_learns_as_published_and_its_statistics_follow(tmp_path, monkeypatch):
    """With fewer channels: the published network has 49 million weights."""
    monkeypatch.setattr("vfxage.ager.sauravsjk._ENCODER", (4, 4, 4, 8, 8, 8, 8))
    monkeypatch.setattr("vfxage.ager.sauravsjk._DECODER", (8, 8, 8, 4, 4, 4))
    text = RECIPE.replace("architecture: cycle", "architecture: sauravsjk").replace("sizes: [32]", "sizes: [200]")
    learner = CycleLearner(load_recipe(recipe_in(tmp_path, text)), World(0, 1, torch.device("cpu")))
    pictures = torch.randint(0, 255, (2, 3, 200, 200), dtype=torch.uint8)
    batch = Batch(
        step=0,
        indices=(0, 1),
        source=pictures,
        target=255 - pictures,
        portrait=pictures[:0],
        weight=torch.full((2, 1, 50, 50), 255, dtype=torch.uint8),
        ages=torch.tensor([[35.0, 75.0], [22.5, 55.0]]),
    )
    losses = [learner.learn(batch)["back"] for _ in range(6)]
    assert losses[-1] < losses[0]
    assert float(learner.there.state_dict()["age.norm.running_mean"].abs().max()) > 0
