"""Training as a user sees it: it learns, stops, continues to the same bits, and reports errors."""

import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from tests.lab.train.people import PLAIN, RECIPE, curve, face, make_people, recipe_in
from tests.run_vfxage import run
from vfxage.ager.checkpoint import load_checkpoint


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Six steps in one go."""
    folder = tmp_path_factory.mktemp("undisturbed")
    run("train", recipe_in(folder), "--steps", 6, "--device", "cpu").ok()
    return folder


def test_checkpoint_is_one_that_every_command_takes(undisturbed):
    path = undisturbed / "run" / "small_0000006.safetensors"
    checkpoint = load_checkpoint(path)
    assert (checkpoint.ours, checkpoint.architecture.name) == (True, "small")


def test_interrupted_run_goes_on_to_the_same_bits(undisturbed, tmp_path):
    recipe = recipe_in(tmp_path)
    for steps in (3, 5, 6):
        reported = run("train", recipe, "--steps", steps, "--device", "cpu").ok()
        assert f"step {steps}" in reported.out
    assert curve(tmp_path) == curve(undisturbed)
    assert [line["step"] for line in curve(tmp_path)] == list(range(1, 7))
    assert {"l1", "pyramid", "highpass", "adversarial", "critic", "total"} < set(curve(tmp_path)[-1])
    assert "stability" in curve(tmp_path)[0]
    one, other = (torch.load(folder / "run" / "state.pt", weights_only=True) for folder in (undisturbed, tmp_path))
    for part in ("network", "mean"):
        for key, value in one["learner"][part].items():
            assert torch.equal(value, other["learner"][part][key]), key


def test_epochs_last_as_long_as_their_pairs(tmp_path):
    """Two people at three ages are 12 pairs: two epochs in batches of 8 are 3 steps."""
    recipe = recipe_in(tmp_path, PLAIN.replace("steps: 1000, batch: 2", "epochs: 2, batch: 8"), people=2)
    assert "step 3" in run("train", recipe, "--device", "cpu").ok().out
    assert "3 steps already" in run("train", recipe, "--device", "cpu").ok().out


def test_a_run_with_a_published_discriminator_goes_on_to_the_same_bits(tmp_path):
    from tests.lab.train.test_critic import published_state

    text = RECIPE.replace("channels: 8", "critic: face_reaging, init: best_discriminator_model.pth")
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder, stops in zip(folders, ((5,), (3, 5)), strict=True):
        folder.mkdir()
        torch.save(published_state(), folder / "best_discriminator_model.pth")
        for steps in stops:
            run("train", recipe_in(folder, text), "--steps", steps, "--device", "cpu").ok()
    assert curve(folders[0]) == curve(folders[1])
    assert "critic" in curve(folders[0])[-2]


def test_work_after_the_last_save_is_done_again_not_counted_twice(undisturbed, tmp_path):
    recipe = recipe_in(tmp_path)
    run("train", recipe, "--steps", 3, "--device", "cpu").ok()
    saved = (tmp_path / "run" / "state.pt").read_bytes()
    run("train", recipe, "--steps", 5, "--device", "cpu").ok()
    (tmp_path / "run" / "state.pt").write_bytes(saved)  # as if it had been killed after step 5
    run("train", recipe, "--steps", 6, "--device", "cpu").ok()
    assert curve(tmp_path) == curve(undisturbed)


def test_state_made_on_a_gpu_goes_on_on_a_cpu(undisturbed, tmp_path, monkeypatch):
    """What torch writes of a GPU's tensors differs from a CPU's in the place it names for each."""
    recipe = recipe_in(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        run("train", recipe, "--steps", 4, "--device", "cpu").ok()
    run("train", recipe, "--steps", 6, "--device", "cpu").ok()
    assert curve(tmp_path) == curve(undisturbed)


def test_finished_run_says_so(undisturbed):
    assert "6 steps already" in run("train", undisturbed / "recipe.yaml", "--steps", 6, "--device", "cpu").ok().out


def running(folder):
    """A training that has learned its first step."""
    recipe = recipe_in(folder)
    process = subprocess.Popen(
        [sys.executable, "-m", "vfxage", "train", str(recipe), "--device", "cpu"], stderr=subprocess.PIPE, text=True
    )
    for _ in range(600):
        if (folder / "run" / "losses.jsonl").exists() or process.poll() is not None:
            break
        time.sleep(0.05)
    return process


def test_signal_saves_what_was_done(tmp_path):
    process = running(tmp_path)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    assert "Traceback" not in err
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    assert state["learner"]["step"] == curve(tmp_path)[-1]["step"] > 0
    assert not [name for name in os.listdir(tmp_path / "run") if "partial" in name]


def test_a_signal_that_comes_twice_at_once_still_saves(tmp_path):
    """As under torchrun, which passes on what a farm has sent to every process."""
    process = running(tmp_path)
    for _ in range(20):  # at every stage of the step and of the save
        process.send_signal(signal.SIGTERM)
        time.sleep(0.02)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    assert state["learner"]["step"] == curve(tmp_path)[-1]["step"] > 0


def test_checkpoints_of_another_session_do_not_cost_this_one_its_own(tmp_path):
    recipe = recipe_in(tmp_path, RECIPE.replace("checkpoint_every: 4", "checkpoint_every: 1, keep: 1"))
    (tmp_path / "run").mkdir()
    later = ["small_0000900.safetensors", "small_0000901.safetensors"]
    for name in later:
        (tmp_path / "run" / name).write_text("of a run that was begun anew")
    reported = run("train", recipe, "--steps", 3, "--device", "cpu").ok().out
    found = sorted(path.name for path in (tmp_path / "run").glob("*.safetensors"))
    assert found == ["small_0000002.safetensors", "small_0000003.safetensors", *later]
    assert "small_0000003.safetensors" in reported


def test_a_trained_checkpoint_does_not_claim_the_licence_of_ours(undisturbed):
    licence = load_checkpoint(undisturbed / "run" / "small_0000006.safetensors").architecture.licence
    assert "Apache" not in licence
    assert "trainer's" in licence


def test_folder_that_another_run_writes_into_is_refused(tmp_path):
    recipe = recipe_in(tmp_path)
    command = [sys.executable, "-m", "vfxage", "train", str(recipe), "--device", "cpu"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as other:
        for _ in range(1200):
            if (tmp_path / "run" / "losses.jsonl").exists() or other.poll() is not None:
                break
            time.sleep(0.05)
        second = run("train", recipe, "--steps", 6, "--device", "cpu")
        assert other.poll() is None
        other.kill()
    second.fails(2, str(tmp_path / "run"), "another vfxage process is writing to this folder", "choose another `out:`")
    run("train", recipe, "--steps", 6, "--device", "cpu").ok()  # a death lets go of the folder
    assert [line["step"] for line in curve(tmp_path)] == list(range(1, 7))


def test_it_learns_to_age(tmp_path):
    """Contrast stands for age: a network that has learned gives more of it for more years, and none for none."""
    text = PLAIN.replace("batch: 2, warmup: 2", "batch: 4, warmup: 10, rate: 2.0e-3, ema: 0.9")
    text = text.replace("sizes: [64]", "sizes: [32]").replace("sheet_every: 5", "sheet_every: 1000")
    recipe = recipe_in(tmp_path, text.replace("checkpoint_every: 4", "checkpoint_every: 1000"), people=6)
    run("train", recipe, "--steps", 100, "--device", "cpu").ok()
    losses = [line["l1"] for line in curve(tmp_path)]
    assert np.mean(losses[-20:]) < 0.75 * np.mean(losses[:20])
    network = load_checkpoint(tmp_path / "run" / "small_0000100.safetensors").network()
    faces = [torch.from_numpy(face(1, age)).permute(2, 0, 1)[None] / 255 for age in (20, 70)]
    young, old = (functional.interpolate(one, size=(512, 512), mode="bicubic") for one in faces)
    wanted = (old - young).flatten()
    with torch.inference_mode():
        steps = []
        for age in (20, 45, 70):
            ages = torch.tensor([20.0, age])[None, :, None, None].expand(1, 2, 512, 512) / 100
            steps.append(network(torch.cat([young, ages], 1)).flatten())
    share = [float(step @ wanted / (wanted @ wanted)) for step in steps]
    assert share[0] == 0
    assert share[1] < share[2]
    assert share[2] > 0.3


def test_summary_names_what_is_left_out(tmp_path):
    make_people(tmp_path / "people")
    lines = (tmp_path / "people" / "index.csv").read_text()
    (tmp_path / "people" / "torn.png").write_bytes((tmp_path / "people" / "p0_20.png").read_bytes()[:300])
    lines += "torn.png,p0,30,1\ngone.png,p0,31,1\np0_20.png,p9,130,1\n"
    (tmp_path / "people" / "lone.png").write_bytes((tmp_path / "people" / "p1_20.png").read_bytes())
    (tmp_path / "people" / "index.csv").write_text(lines + "lone.png,lonely,50,1\n")
    err = run("train", recipe_in(tmp_path), "--steps", 1, "--device", "cpu").ok().err
    for name in ("torn.png", "gone.png", "p0_20.png", "lone.png"):
        assert any(name in line for line in err.splitlines() if "left out" in line), err
    refusing = (tmp_path / "recipe.yaml").read_text().replace("holdout: 0", "holdout: 0\n  bad: refuse")
    (tmp_path / "recipe.yaml").write_text(refusing)
    run("train", tmp_path / "recipe.yaml", "--steps", 2, "--device", "cpu").fails(2, "data.bad: skip", "3 more")


def test_data_without_a_pair_is_refused(tmp_path):
    make_people(tmp_path / "people", ages=(45,))
    run("train", recipe_in(tmp_path), "--device", "cpu").fails(2, "two ages", "vfxage pairs")


def test_state_of_another_architecture_and_damaged_state_are_refused(tmp_path):
    recipe = recipe_in(tmp_path)
    run("train", recipe, "--steps", 1, "--device", "cpu").ok()
    state = tmp_path / "run" / "state.pt"
    whole = state.read_bytes()
    state.write_bytes(whole[: len(whole) // 2])
    run("train", recipe, "--device", "cpu").fails(3, "state.pt", "damaged")
    state.write_bytes(b"")
    run("train", recipe, "--device", "cpu").fails(3, "state.pt")
    reported = torch.load(__import__("io").BytesIO(whole), weights_only=True)
    reported["learner"]["architecture"] = "visage"
    torch.save(reported, state)
    run("train", recipe, "--device", "cpu").fails(2, "visage", "out:")


def test_changed_recipe_is_reported_and_changed_paths_are_not(tmp_path):
    recipe = recipe_in(tmp_path)
    run("train", recipe, "--steps", 1, "--device", "cpu").ok()
    assert "has changed" not in run("train", recipe, "--steps", 2, "--device", "cpu").ok().err
    recipe.write_text(RECIPE.replace("warmup: 2", "warmup: 2, rate: 1.0e-4").replace("log_every: 1", "log_every: 2"))
    err = run("train", recipe, "--steps", 3, "--device", "cpu").ok().err
    assert "the recipe has changed: schedule.rate;" in err


def test_tensorboard_gets_every_curve_and_the_sheet(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    text = RECIPE.replace("sheet_people: 2", "sheet_people: 2, tensorboard: true")
    recipe = recipe_in(tmp_path, text.replace("holdout: 0", "holdout: 0.5"), people=8)
    run("train", recipe, "--steps", 5, "--device", "cpu").ok()
    found = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    reported = [(event.step, event.value) for event in found.Scalars("l1")]
    assert reported == [(line["step"], pytest.approx(line["l1"])) for line in curve(tmp_path) if "l1" in line]
    (error,) = found.Scalars("held_out_l1")
    assert [(error.step, pytest.approx(error.value))] == [
        (line["step"], line["held_out_l1"]) for line in curve(tmp_path) if "held_out_l1" in line
    ]
    assert [event.step for event in found.Images("sheet")] == [5]


def test_tensorboard_that_is_not_installed_is_reported(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    recipe = recipe_in(tmp_path, RECIPE.replace("sheet_people: 2", "tensorboard: true"))
    run("train", recipe, "--steps", 1, "--device", "cpu").fails(2, "TensorBoard", "vfxage[train]")


def test_sheet_shows_a_row_a_person_and_a_column_an_age(tmp_path):
    text = RECIPE.replace("sheet_people: 2", "sheet_people: 2, sheet_ages: [25, 60, 75]").replace(
        "holdout: 0", "holdout: 0.5"
    )
    run("train", recipe_in(tmp_path, text, people=8), "--steps", 5, "--device", "cpu").ok()
    with Image.open(tmp_path / "run" / "sheet_0000005.png") as sheet:
        assert sheet.size[0] == 4 * 256
        assert sheet.size[1] // 256 == 2
    assert any("held_out_l1" in line for line in curve(tmp_path))


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "run").write_text("a file")
    run("train", recipe_in(tmp_path), "--device", "cpu").fails(2, "run", "is a file where a folder is needed")


def test_disk_that_is_full_ends_the_run_in_one_line(tmp_path):
    """A limit on the length of a file stands for the disk: writes beyond it fail."""
    recipe = recipe_in(tmp_path, PLAIN)
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    try:
        done = run("train", recipe, "--steps", 1, "--device", "cpu")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    done.fails(4, "state.pt: cannot be written")
    assert sorted(os.listdir(tmp_path / "run")) == [".writer.lock", "losses.jsonl", "scanned.json"]


def test_picture_that_has_gone_since_the_last_session_is_named(tmp_path):
    recipe = recipe_in(tmp_path, PLAIN)
    run("train", recipe, "--steps", 1, "--device", "cpu").ok()
    (tmp_path / "people" / "p1_70.png").unlink()
    assert "p1_70.png" in run("train", recipe, "--steps", 2, "--device", "cpu").ok().err


def test_a_run_for_some_minutes_ends_by_them_and_is_done_then(tmp_path):
    """Minutes that one step takes surely: it stops after one, writes sheet and checkpoint, and does not begin again."""
    recipe = recipe_in(tmp_path, PLAIN.replace("steps: 1000", "steps: 1000, minutes: 0.00001"))
    reported = run("train", recipe, "--device", "cpu").ok()
    assert "small_0000001.safetensors" in reported.out
    assert (tmp_path / "run" / "sheet_0000001.png").exists()
    assert "has 1 step already" in run("train", recipe, "--device", "cpu").ok().out


def test_checkpoints_come_by_minutes_as_well(tmp_path):
    text = PLAIN.replace("checkpoint_every: 4", "checkpoint_every: 1000, checkpoint_minutes: 0.00001")
    run("train", recipe_in(tmp_path, text), "--steps", 3, "--device", "cpu").ok()
    kept = sorted(path.name for path in (tmp_path / "run").glob("small_*.safetensors"))
    assert kept == [f"small_000000{step}.safetensors" for step in (1, 2, 3)]


def test_a_medium_checkpoint_ages_a_face(tmp_path):
    """Trained for one step, to see that the file is one that a shot can name."""
    recipe = recipe_in(tmp_path, PLAIN + "model: {architecture: medium}\n")
    run("train", recipe, "--steps", 1, "--device", "cpu").ok()
    path = tmp_path / "run" / "medium_0000001.safetensors"
    assert "medium" in run("models", "show", path).ok().out
    assert "mean size" in run("models", "check", path, "--size", 256).ok().out
