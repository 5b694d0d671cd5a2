"""``vfxage models``: list, show, convert, and check with one face."""

import json
import re

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from tests.ager.conftest import flat_state
from tests.ager.onnx_files import fran
from tests.run_vfxage import run
from vfxage.ager.architectures import ARCHITECTURES
from vfxage.ager.checkpoint import load_checkpoint, save_checkpoint


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A checkpoint of the small network with drawn weights."""
    path = tmp_path_factory.mktemp("models") / "small.safetensors"
    torch.manual_seed(0)
    network = ARCHITECTURES["small"].build()
    with torch.no_grad():
        network.get_parameter("delta.weight").normal_(0, 0.01)
    save_checkpoint(path, ARCHITECTURES["small"], network.state_dict())
    return path


@pytest.fixture(scope="module")
def fran_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "fran.onnx"
    onnx.save(fran(256), path)
    return path


def reported(*words):
    return json.loads(run("models", *words, "--json").ok().out)


def test_list_names_every_ager_and_network():
    listed = reported("list")
    assert {"builtin", "bands"} <= {row["model"] for row in listed["agers"]}
    rows = {row["network"]: row for row in listed["networks"]}
    assert rows.keys() == ARCHITECTURES.keys()
    assert round(rows["face_reaging"]["parameters"] / 1e6, 2) == 31.03  # its published figure
    assert round(rows["visage"]["parameters"] / 1e6, 2) == 51.63
    assert rows["visage"]["licence"].startswith("not stated")


def test_show_and_check_take_the_agers_in_the_box():
    for name, network in (("builtin", None), ("small", "small"), ("bands", None)):
        facts = reported("show", name)["model"]
        assert facts["model"] == name
        assert facts.get("network") == network
        assert len(facts["fingerprint"]) == 64
    assert reported("check", "small", "--size", "256")["check"]["most at equal ages"] == 0


@pytest.mark.parametrize("words", ["models show", "models check", "evaluate -p people -o {out} -m"])
def test_a_name_misspelt_is_answered_by_the_nearest(words, tmp_path):
    filled = words.format(out=tmp_path).split()
    run(*filled, "bulitin").fails(2, "'bulitin'", "did you mean builtin?")
    run(*filled, "Smal").fails(2, "did you mean small?")
    run(*filled, "xyz").fails(2, "builtin, relief, small, bands, or a file")


def test_show_distinguishes_a_published_file_from_our_own(tmp_path, small):
    path = tmp_path / "generator.pt"
    torch.save(flat_state("visage"), path)
    theirs, ours = reported("show", path)["model"], reported("show", small)["model"]
    assert (theirs["format"], theirs["network"], theirs["tensors"]) == ("PyTorch", "visage", 134)
    assert (ours["written by"], ours["network"]) == ("vfxage", "small")
    assert ours["header"]["architecture"] == "small"
    assert ours["fingerprint"] == load_checkpoint(small).fingerprint
    assert re.fullmatch("[0-9a-f]{64}", ours["sha256"])


def test_show_still_says_what_an_unknown_network_holds(tmp_path):
    path = tmp_path / "other.pth"
    torch.save({"layer.weight": torch.zeros(3, 4), "layer.bias": torch.zeros(3)}, path)
    facts = reported("show", path)["model"]
    assert facts["network"].startswith("unknown: ")
    assert (facts["tensors"], facts["parameters"]) == (2, 15)


def test_show_says_which_network_does_not_fit_and_where(tmp_path):
    path = tmp_path / "wrong.pth"
    torch.save(flat_state("face_reaging") | {"final_conv.bias": torch.zeros(4)}, path)
    facts = reported("show", path)["model"]
    assert (facts["network"], facts["licence"]) == ("face_reaging", ARCHITECTURES["face_reaging"].licence)
    assert facts["does not fit"] == "tensor final_conv.bias is 4 float32, expected 3 float32"
    assert "fingerprint" not in facts
    run("models", "check", path).fails(5, "final_conv.bias")


def test_show_says_whether_an_onnx_file_runs(fran_file, tmp_path):
    facts = reported("show", fran_file)["model"]
    assert facts["inputs"] == ["target 1x3x256x256 float", "direction 2 float"]
    assert (facts["opset"], facts["pixels"]) == ("ai.onnx 13", "-1..1")
    assert facts["runs as it is"].startswith("yes")


@pytest.mark.parametrize("word", ["show", "check"])
def test_bad_files_are_one_line(word, tmp_path):
    for name in ("none.pth", "none.onnx", "none.npz"):
        run("models", word, tmp_path / name).fails(5, name)
    for name in ("text.pth", "text.safetensors", "text.onnx"):
        (tmp_path / name).write_text("this is no checkpoint")
        run("models", word, tmp_path / name).fails(5, name)


def test_convert_writes_the_same_weights(tmp_path):
    source, out = tmp_path / "best_unet_model.pth", tmp_path / "face.safetensors"
    torch.save(flat_state("face_reaging"), source)
    facts = json.loads(run("models", "convert", source, out, "--json").ok().out)["model"]
    assert (facts["network"], facts["written by"]) == ("face_reaging", "vfxage")
    assert load_checkpoint(out).fingerprint == load_checkpoint(source).fingerprint
    run("models", "convert", source, out).fails(2, "exists already", "--overwrite")
    run("models", "convert", source, out, "--overwrite", "--half").ok()
    assert out.stat().st_size < 70e6


def test_a_training_state_is_not_taken_for_a_checkpoint(tmp_path):
    torch.save({"version": 1, "learner": {"network": {}}, "recipe": "{}"}, tmp_path / "state.pt")
    for word in ("show", "check"):
        run("models", word, tmp_path / "state.pt").fails(5, "training run", ".safetensors beside it")


def test_convert_refuses_what_it_cannot_name_or_read(tmp_path, small, fran_file):
    run("models", "convert", small, tmp_path / "out.pth").fails(2, "name it .safetensors")
    run("models", "convert", fran_file, tmp_path / "out.safetensors").fails(5, "does not know")
    assert not list(tmp_path.iterdir())


def test_check_says_what_a_network_answers(small, fran_file, tmp_path):
    facts = reported("check", small, "--size", 256, "--ages", "30,60")["check"]
    assert facts["most at equal ages"] == 0
    assert facts["delta"]["least"] < facts["delta"]["most"]
    assert facts["milliseconds"] > 0
    out = tmp_path / "look.png"
    run("models", "check", fran_file, "--out", out).ok()
    with Image.open(out) as picture:
        assert picture.size == (768, 256)
        before, after, change = np.split(np.asarray(picture, np.float32) / 255, 3, axis=1)
    unclipped = (after > 0.02) & (after < 0.98) & (change > 0.02) & (change < 0.98)
    np.testing.assert_allclose((4 * (after - before) + 0.5)[unclipped], change[unclipped], atol=0.02)


def test_check_ages_a_face(portraits):
    face = portraits / "eval" / "lon_001_neutral.jpg"
    if not face.exists():
        face = next(path for path in sorted((portraits / "eval").rglob("*")) if path.suffix in (".jpg", ".png"))
    facts = reported("check", "bands", "--picture", face, "--ages", "30,70")["check"]
    assert facts["share inside the matte"] > 0.8
    assert facts["most at equal ages"] == 0
    assert facts["delta"]["mean size"] > 0


def test_check_says_what_is_wrong_with_what_it_was_given(small, tmp_path):
    Image.new("RGB", (300, 300), (90, 120, 60)).save(tmp_path / "meadow.png")
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0 torn")
    for words, code, expected_words in [
        (["bands"], 2, "--picture"),
        ([small, "--picture", tmp_path / "meadow.png"], 3, "shows no face"),
        ([small, "--picture", tmp_path / "torn.jpg"], 3, "torn.jpg"),
        ([small, "--picture", tmp_path / "none.jpg"], 3, "none.jpg"),
        ([small, "--ages", "30"], 2, "30,70"),
        ([small, "--ages", "30,nan"], 2, "two ages"),
        ([small, "--ages", "30,130"], 2, "two ages"),
        ([small, "--size", "300"], 2, "256, 512"),
        ([small, "--out", tmp_path / "look.jpg"], 2, ".png"),
        ([small, "--device", "tpu"], 2, "unknown device"),
    ]:
        run("models", "check", *words).fails(code, expected_words)


def test_check_keeps_the_picture_that_it_shows(tmp_path):
    picture = tmp_path / "face.png"
    Image.new("RGB", (64, 64)).save(picture)
    before = picture.read_bytes()
    run("models", "check", "bands", "--picture", picture, "--out", picture).fails(2, "is the file of --picture")
    assert picture.read_bytes() == before
