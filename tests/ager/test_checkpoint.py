"""Published checkpoints load, ours say how to use them, and a tensor that does not fit is named with its fault."""

import copy
import json
import struct
from dataclasses import replace

import pytest
import safetensors.torch
import torch

from tests.ager.conftest import flat_state, refusal
from vfxage.ager.architectures import ARCHITECTURES
from vfxage.ager.checkpoint import load_checkpoint, save_checkpoint
from vfxage.ager.weight_files import HEADER
from vfxage.errors import ModelError, WriteError
from vfxage.types import Framing


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_bare_state_dict_is_recognised_by_its_keys(name, saved):
    checkpoint = load_checkpoint(saved(flat_state(name)))
    assert checkpoint.architecture == ARCHITECTURES[name]
    assert not checkpoint.ours


@pytest.fixture(scope="module")
def plain_fingerprint(tmp_path_factory):
    """The fingerprint of a network whose state is saved as it is."""
    path = tmp_path_factory.mktemp("plain") / "plain.pth"
    torch.save(flat_state(), path)
    return load_checkpoint(path).fingerprint


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"epoch": 3, "state_dict": state},
        lambda state: {"model": state, "optimizer": {"lr": 0.1}},
        lambda state: {"generator": state, "discriminator": {"a": torch.zeros(1)}},
        lambda state: {"model": {"state_dict": state}},
        lambda state: {f"module.{key}": value for key, value in state.items()},
        lambda state: {"state_dict": {f"module._orig_mod.{key}": value for key, value in state.items()}},
        lambda state: {f"_orig_mod.module.{key}": value for key, value in state.items()},
        lambda state: {"n_averaged": torch.tensor(7)} | {f"module.{key}": value for key, value in state.items()},
        lambda state: {key.replace("layer.", "_orig_mod.layer."): value for key, value in state.items()},
        lambda state: {key: value for key, value in state.items() if not key.endswith(".filt")},
    ],
    ids=[
        "state_dict",
        "model",
        "generator",
        "nested",
        "DataParallel",
        "compiled",
        "compiled first",
        "averaged",
        "parts compiled",
        "without filters",
    ],
)
def test_what_trainers_wrap_around_weights_does_not_change_them(wrap, plain_fingerprint, saved):
    assert load_checkpoint(saved(wrap(flat_state()))).fingerprint == plain_fingerprint


def test_the_fingerprint_is_of_the_weights_not_of_their_container(saved, tmp_path):
    state = flat_state("small")
    bare = tmp_path / "bare.safetensors"
    safetensors.torch.save_file({key: value.contiguous() for key, value in state.items()}, bare)
    ours = tmp_path / "ours.safetensors"
    save_checkpoint(ours, ARCHITECTURES["small"], state)
    files = [
        saved(state),
        saved(dict(reversed(state.items())), "reversed.pt"),
        saved(state, "old.pth", _use_new_zipfile_serialization=False),
        bare,
        ours,
    ]
    assert len({load_checkpoint(path).fingerprint for path in files}) == 1
    name = next(name for name in state if name.endswith(".bias"))
    bias = state[name].clone()
    bias[1] += 1e-6
    changed = saved(state | {name: bias}, "changed.pth")
    assert load_checkpoint(changed).fingerprint != load_checkpoint(files[0]).fingerprint


def test_the_suffix_does_not_matter(saved, tmp_path):
    path = saved(flat_state(), "weights.bin")
    assert load_checkpoint(path).architecture.name == "face_reaging"


def test_a_checkpoint_of_ours_says_how_to_use_it(tmp_path, drawn):
    row = replace(
        ARCHITECTURES["face_reaging"],
        framing=Framing(name="ffhq"),
        sizes=(256, 512),
        native=512,
        encoding="-1..1",
        ages=(18.0, 85.0),
        licence="Apache-2.0",
    )
    path = tmp_path / "new" / "ours.safetensors"
    save_checkpoint(path, row, drawn("face_reaging").state_dict())
    checkpoint = load_checkpoint(path)
    assert checkpoint.ours
    assert checkpoint.architecture == row
    loaded = checkpoint.network().state_dict()
    for key, value in drawn("face_reaging").state_dict().items():
        assert torch.equal(loaded[key], value), key
    with safetensors.safe_open(path, framework="np") as file:
        header = json.loads(file.metadata()[HEADER])
    assert header["architecture"] == "face_reaging"
    assert header["sizes"] == [256, 512]
    assert [item.name for item in path.parent.iterdir()] == ["ours.safetensors"]


@pytest.mark.parametrize("begins", [b"\x80", b"PK"])
def test_a_header_whose_length_begins_as_another_container_does_is_read(begins, tmp_path):
    """Safetensors begin with the header's length: one in thirty-two has a pickle's first byte there."""
    row, state = ARCHITECTURES["small"], flat_state("small")

    def written(licence):
        save_checkpoint(tmp_path / "a.safetensors", replace(row, licence=licence), state)
        return (tmp_path / "a.safetensors").read_bytes()[:8]

    wanted = int.from_bytes(begins, "little") + (0 if len(begins) == 2 else 1 << 15)
    (length,) = struct.unpack("<Q", written(""))
    licence = "x" * (wanted - length)
    assert written(licence).startswith(begins)
    read = load_checkpoint(tmp_path / "a.safetensors")
    assert (read.ours, read.architecture.licence) == (True, licence)


def test_saving_what_does_not_fit_leaves_no_file(tmp_path):
    state = flat_state()
    del state["final_conv.bias"]
    with pytest.raises(ModelError, match=r"final_conv\.bias"):
        save_checkpoint(tmp_path / "ours.safetensors", ARCHITECTURES["face_reaging"], state)
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(WriteError):
        save_checkpoint(blocked / "ours.safetensors", ARCHITECTURES["face_reaging"], flat_state())
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", ["small", "visage"])
def test_half_precision_is_half_the_size_and_close(name, drawn, tmp_path):
    whole, half = tmp_path / "whole.safetensors", tmp_path / "half.safetensors"
    state = drawn(name).state_dict()
    save_checkpoint(whole, ARCHITECTURES[name], state)
    save_checkpoint(half, ARCHITECTURES[name], state, half=True)
    assert half.stat().st_size < 0.52 * whole.stat().st_size
    found = load_checkpoint(half)
    for key, value in state.items():
        torch.testing.assert_close(found.state[key], value, rtol=1e-3, atol=1e-6)
    assert found.fingerprint != load_checkpoint(whole).fingerprint


def test_a_tensor_that_a_file_holds_with_and_without_a_wrapper_is_named(saved):
    text = refusal(saved(flat_state() | {"module.final_conv.bias": torch.zeros(3)}))
    assert "has a tensor twice, as final_conv.bias and as module.final_conv.bias" in text


@pytest.mark.parametrize(
    ("name", "precision"),
    [("small", torch.float16), ("face_reaging", torch.float16), ("visage", torch.bfloat16), ("small", torch.float64)],
)
def test_a_network_stored_wholly_in_another_precision_loads_as_what_it_was_rounded_to(name, precision, drawn, saved):
    network = copy.deepcopy(drawn(name)).to(precision)  # the change is in place, and others share the network
    rounded = {key: value.clone() for key, value in network.state_dict().items()}
    assert {value.dtype for value in rounded.values() if value.is_floating_point()} == {precision}
    found = load_checkpoint(saved(rounded))
    for key, value in rounded.items():
        assert torch.equal(found.state[key], value.float() if value.is_floating_point() else value), key
    found.network()


def test_weights_too_large_for_half_precision_are_refused(tmp_path):
    path = tmp_path / "huge.safetensors"
    with pytest.raises(ModelError, match="does not fit into half precision"):
        save_checkpoint(path, ARCHITECTURES["small"], flat_state("small", 1e6), half=True)
    assert not path.exists()


def test_a_state_of_parameters_is_a_state(tmp_path):
    """``dict(network.named_parameters())`` and such: tensors that want gradients."""
    plain, own = flat_state("small"), tmp_path / "own.pt"
    torch.save({key: torch.nn.Parameter(value.clone()) for key, value in plain.items()}, own)
    for key, value in load_checkpoint(own).state.items():
        assert not value.requires_grad
        torch.testing.assert_close(value, plain[key])


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("up2.layer.0.weight", torch.zeros(1).expand(256, 511, 3, 3), ["256x511x3x3", "expected 256x512x3x3"]),
        ("up2.layer.0.bias", torch.zeros(1, dtype=torch.int64).expand(256), ["int64", "expected 256 float32"]),
        ("down1.layer.2.bias", torch.full((128,), float("nan")), ["NaN or Inf"]),
        ("down1.layer.2.bias", torch.full((128,), float("-inf")), ["NaN or Inf"]),
        ("down3.layer.1.filt", torch.full((256, 1, 4, 4), 1 / 16), ["constant filter"]),
        ("final_conv.bias", [0.0, 0.0, 0.0], ["is a list, not a tensor"]),
        ("final_conv.bias", torch.zeros(3, device="meta"), ["plain tensor"]),
        ("final_conv.bias", torch.zeros(3).to_sparse(), ["plain tensor"]),
        ("final_conv.bias", torch.zeros(1).expand(10**6, 10**6, 10**3), ["1000000x1000000x1000", "expected 3 float32"]),
    ],
    ids=["shape", "dtype", "nan", "inf", "filter", "list", "meta", "sparse", "forged size"],
)
def test_a_wrong_tensor_is_named(key, value, words, saved):
    text = refusal(saved(flat_state() | {key: value}))
    assert f"tensor {key} " in text
    assert "face_reaging" in text
    for word in words:
        assert word in text


def test_a_negative_variance_is_named(saved):
    state = flat_state("visage")
    state["down2.down.1.running_var"] = torch.full((256,), -1.0)
    assert "down2.down.1.running_var" in refusal(saved(state))


def test_a_missing_tensor_is_named(saved):
    state = flat_state("ry_lu")
    del state["uplayer3.bn2.running_mean"]
    assert "lacks tensor uplayer3.bn2.running_mean for ry_lu" in refusal(saved(state))
    del state["conv3.bias"]
    assert "lacks tensor conv3.bias and 1 more for ry_lu" in refusal(saved(state))


def test_an_unexpected_tensor_is_named(saved):
    assert "unexpected tensor extra.weight" in refusal(saved(flat_state() | {"extra.weight": torch.zeros(3)}))


def test_an_unknown_network_error_names_the_known_ones_and_the_nearest(saved):
    state = {f"layer{k}.weight": torch.zeros(2) for k in range(9)} | {"conv1.weight": torch.zeros(2)}
    text = refusal(saved(state))
    for name in ARCHITECTURES:
        assert name in text
    assert "nearest is ry_lu" in text
