"""``vfxage models check --arrays``: the bare network on arrays, as its authors' own program answers."""

import numpy as np
import pytest
import torch

from tests.ager.conftest import flat_state
from tests.ager.onnx_files import MIX, fran
from tests.run_vfxage import run

FIXTURES = {"face_reaging": "face_reaging", "visage": "visage", "ry_lu": "ry_lu_fran"}


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "flat.pth"
    torch.save(flat_state(), path)
    return path


@pytest.mark.parametrize("name", FIXTURES)
def test_a_bare_network_answers_what_the_original_answers(name, drawn, checkpoints, tmp_path):
    torch.save(drawn(name).state_dict(), tmp_path / "weights.pth")
    with np.load(checkpoints / "fixtures" / f"{FIXTURES[name]}_64.npz") as fixture:
        x, y = fixture["x"], fixture["y"]
    np.savez(tmp_path / "in.npz", x=np.concatenate([x, 1 - x]))
    run("models", "check", tmp_path / "weights.pth", "--arrays", tmp_path / "in.npz", "-o", tmp_path / "y.npz").ok()
    with np.load(tmp_path / "y.npz") as answers:
        assert answers["y"].shape == (2, 3, 64, 64)
        assert answers["y"].dtype == np.float32
        np.testing.assert_allclose(answers["y"][:1], y, atol=1e-5, rtol=0)


def test_an_onnx_file_answers_whole_faces_in_its_own_pixels(tmp_path):
    (tmp_path / "fran.onnx").write_bytes(fran(size=None).SerializeToString())
    rgb = np.random.default_rng(0).uniform(-1, 1, (2, 3, 32, 32)).astype(np.float32)
    ages = np.broadcast_to(np.array([[0.3, 0.7], [0.5, 0.2]], np.float32)[..., None, None], (2, 2, 32, 32))
    np.savez(tmp_path / "in.npz", x=np.concatenate([rgb, ages], axis=1))
    given = ("--arrays", tmp_path / "in.npz", "-o", tmp_path / "y.npz")
    run("models", "check", tmp_path / "fran.onnx", *given).ok()
    years = np.array([0.4, -0.3], np.float32)[:, None, None, None]
    with np.load(tmp_path / "y.npz") as answers:
        wanted = rgb + 2 * years * np.einsum("ij,njhw->nihw", MIX, rgb)
        np.testing.assert_allclose(answers["y"], wanted, atol=1e-5)
    (tmp_path / "fran.onnx").write_bytes(fran(size=64).SerializeToString())
    run("models", "check", tmp_path / "fran.onnx", *given).fails(3, "in.npz", "not 64x64")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({}, ["has no array 'x'", "x Nx5xanyxany"]),
        ({"x": np.zeros((1, 3, 64, 64), np.float32)}, ["'x' is 1x3x64x64", "expected Nx5xanyxany"]),
        ({"x": np.zeros((0, 5, 64, 64), np.float32)}, ["'x' is 0x5x64x64"]),
        ({"x": np.zeros((1, 5, 64, 60), np.float32)}, ["multiples of 16"]),
        ({"x": np.zeros((1, 5, 64, 64), np.float32), "age": np.zeros(1)}, ["'age'", "does not take"]),
        ({"x": np.array([{}], dtype=object)}, ["is no readable .npz"]),
        ({"x": np.full((1, 5, 64, 64), np.nan, np.float32)}, ["'x'", "NaN"]),
    ],
    ids=["none", "channels", "empty", "sides", "unknown", "pickle", "nan"],
)
def test_arrays_that_do_not_fit_are_named(arrays, words, flat, tmp_path):
    np.savez(tmp_path / "in.npz", **arrays)
    words_given = ("--arrays", tmp_path / "in.npz", "--out", tmp_path / "y.npz")
    run("models", "check", flat, *words_given).fails(3, "in.npz", *words)
    assert not (tmp_path / "y.npz").exists()


def test_what_arrays_cannot_be_combined_with_is_said(flat, tmp_path):
    np.savez(tmp_path / "in.npz", x=np.zeros((1, 5, 64, 64), np.float32))
    arrays = ("--arrays", tmp_path / "in.npz")
    before = (tmp_path / "in.npz").read_bytes()
    run("models", "check", flat, *arrays, "--out", tmp_path / "in.npz").fails(2, "the file of --arrays")
    assert (tmp_path / "in.npz").read_bytes() == before
    np.save(tmp_path / "one.npy", np.zeros(3))
    run("models", "check", flat, "--arrays", tmp_path / "one.npy", "--out", tmp_path / "y.npz").fails(
        3, "without a name"
    )
    run("models", "check", flat, *arrays).fails(2, "--out")
    run("models", "check", flat, *arrays, "--out", tmp_path / "y.png").fails(2, ".npz")
    run("models", "check", flat, *arrays, "--out", tmp_path / "y.npz", "--size", "512").fails(2, "--size")
    run("models", "check", "builtin", *arrays, "--out", tmp_path / "y.npz").fails(2, "builtin has none")
    run("models", "check", flat, "--arrays", tmp_path / "no.npz", "-o", tmp_path / "y.npz").fails(3, "no such file")
