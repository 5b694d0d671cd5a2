"""Crops in, steps out: the right numbers, and the same bits whoever calls."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.ager.conftest import flat_state
from vfxage.ager import ARCHITECTURES, age_frames, load_ager
from vfxage.ager.checkpoint import save_checkpoint
from vfxage.ager.cores import device_key, gpu_model
from vfxage.errors import ModelError, ShotError
from vfxage.types import Framing


def noise(size, seed):
    return np.random.default_rng(seed).random((size, size, 3), np.float32)


@pytest.mark.parametrize(
    ("name", "factor", "offset", "unit"), [("face_reaging", 1, 0, 1), ("visage", 2, -1, 0.5), ("ry_lu", 2, -1, 0.5)]
)
def test_the_step_is_the_networks_delta_in_srgb_units(name, factor, offset, unit, drawn, small, crop_of, frame_of):
    rgb = noise(64, 1)
    ager = small(name)
    (deltas,) = age_frames(ager)([frame_of(7, crop_of(rgb, ages=(33.0, 71.5)))])
    x = np.empty((1, 5, 64, 64), np.float32)
    x[0, :3] = rgb.transpose(2, 0, 1) * factor + offset
    x[0, 3], x[0, 4] = 0.33, 0.715
    with torch.inference_mode():
        y = drawn(name)(torch.from_numpy(x)).numpy()[0]
    np.testing.assert_allclose(deltas.deltas[0].step, unit * y.transpose(1, 2, 0), atol=1e-5, rtol=0)
    assert deltas.frame.number == 7


def test_published_weights_keep_their_own_framing_and_name(tmp_path):
    for name, framing in (("face_reaging", "wide"), ("visage", "ffhq"), ("ry_lu", "ffhq")):
        path = tmp_path / f"{name}.pth"
        torch.save(flat_state(name), path)
        ager = load_ager(str(path), "cpu")
        assert (ager.name, ager.framing.name) == (name, framing)
        assert ager.sizes == ARCHITECTURES[name].sizes
        assert ARCHITECTURES[name].licence in ager.note


def test_bits_do_not_depend_on_workers_neighbours_or_threads(small, crop_of, frame_of):
    ager = small("face_reaging")
    crops = [crop_of(noise((64, 96)[k % 2], k), ages=(20.0 + k, 60.0), face=k) for k in range(4)]
    alone = [ager([crop])[0].step for k, crop in enumerate(crops)]
    together = age_frames(ager)([frame_of(0, *crops[:2]), frame_of(1), frame_of(2, *crops[2:])])
    assert [len(item.deltas) for item in together] == [2, 0, 2]
    torch.set_num_threads(2)
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(lambda crop: ager([crop])[0].step, crops * 2))
    flat = [delta for item in together for delta in item.deltas]
    for crop, step, delta, first, second in zip(crops, alone, flat, at_once[:4], at_once[4:], strict=True):
        assert delta.crop is crop
        for other in (delta.step, first, second):
            assert np.array_equal(step.view(np.uint32), other.view(np.uint32))


def test_a_padded_batch_gives_each_crop_its_own_step(small, crop_of, frame_of, monkeypatch):
    ager = small("face_reaging")
    crops = [crop_of(noise(64, k), ages=(20.0 + k, 60.0)) for k in range(5)]
    alone = [ager([crop])[0].step for crop in crops]
    monkeypatch.setattr(ager, "_batch", 4)  # what a GPU uses
    batched = [answer.step for answer in ager(crops)]
    for step, other in zip(alone, batched, strict=True):
        np.testing.assert_allclose(other, step, atol=1e-5)


def test_intensity_zero_is_a_step_of_zeros(small, crop_of, frame_of):
    ager = small("face_reaging")
    (item,) = age_frames(ager)([frame_of(1, crop_of(noise(64, 1), intensity=0.0), crop_of(noise(64, 2)))])
    assert not item.deltas[0].step.any()
    assert item.deltas[1].step.any()


def test_ages_are_held_at_the_ends_of_what_was_trained(small, crop_of, frame_of):
    ager = small("face_reaging")
    far, near, inside = (
        ager([crop_of(noise(64, 1), ages=ages)])[0].step for ages in ((5.0, 110.0), (18.0, 85.0), (18.0, 84.0))
    )
    assert np.array_equal(far, near)
    assert not np.array_equal(near, inside)


def test_a_crop_size_the_network_does_not_take(small, crop_of, frame_of):
    ager = small("face_reaging")
    with pytest.raises(ShotError, match=r"128 px.*64, 96"):
        ager([crop_of(noise(128, 1))])


def test_an_answer_of_nan_names_the_frame(tmp_path, crop_of, frame_of):
    path = tmp_path / "huge.safetensors"
    save_checkpoint(path, replace(ARCHITECTURES["face_reaging"], sizes=(64,), native=64), flat_state(value=1e20))
    ager = load_ager(str(path), "cpu")
    with pytest.raises(ModelError, match=r"frame 1042.*NaN or Inf"):
        age_frames(ager)([frame_of(1042, crop_of(noise(64, 1)))])


def test_the_fingerprint_follows_weights_and_settings(tmp_path):
    published, other = tmp_path / "a.pth", tmp_path / "b.pth"
    torch.save(flat_state(), published)
    torch.save(flat_state(value=0.25), other)
    ours, framed = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    row = ARCHITECTURES["face_reaging"]
    save_checkpoint(ours, row, flat_state())
    save_checkpoint(framed, replace(row, framing=Framing(name="ffhq")), flat_state())
    agers = [load_ager(str(path), "cpu") for path in (published, other, ours, framed)]
    assert agers[0].fingerprint == agers[2].fingerprint
    assert len({ager.fingerprint for ager in agers}) == 3
    assert [ager.name for ager in agers] == ["face_reaging", "face_reaging", "fran", "fran"]


def test_each_gpu_model_has_a_fingerprint_of_its_own(small):
    ager = small("face_reaging")
    assert ager.device == "cpu"
    assert ager.fingerprint_on("cpu") == ager.fingerprint
    devices = [device_key(name) for name in ("NVIDIA H100 80GB HBM3", "NVIDIA L40S", "")]
    assert len({ager.fingerprint_on(device) for device in devices}) == 3
    assert [len(device) for device in devices] == [8, 8, 3]
    assert small("visage").fingerprint_on("NVIDIA L40S") != ager.fingerprint_on("NVIDIA L40S")


@pytest.mark.parametrize("model", ["bands", "relief"])
def test_an_ager_that_knows_the_cpu_alone_has_one_fingerprint(model):
    ager = load_ager(model, "cuda")
    assert ager.device == "cpu"
    assert ager.fingerprint_on("NVIDIA L40S") == ager.fingerprint_on("cpu") == ager.fingerprint


def test_a_gpu_is_named_by_its_driver_and_one_that_is_not_seen_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: ("NVIDIA L40S", "NVIDIA T4")[index])
    assert [gpu_model(0), gpu_model(1)] == ["NVIDIA L40S", "NVIDIA T4"]
    with pytest.raises(ShotError, match="torch cannot see it") as caught:
        gpu_model(2)
    assert "--device cpu" in caught.value.fix


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:-1", "CPU", "cuda:0:1", ""])
def test_an_unknown_device(device):
    with pytest.raises(ShotError, match="use auto, cpu, cuda or cuda:N"):
        load_ager("bands", device)


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_a_gpu_that_is_not_there(device, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    path = tmp_path / "flat.pth"
    torch.save(flat_state(), path)
    with pytest.raises(ShotError, match=rf"{device} was asked for, but this machine has 0 usable GPUs"):
        load_ager(str(path), device)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_agrees_with_the_cpu_and_with_itself(drawn, tmp_path, crop_of, frame_of):
    path = tmp_path / "drawn.pth"
    torch.save(drawn("face_reaging").state_dict(), path)
    cpu, gpu = (load_ager(str(path), device) for device in ("cpu", "cuda"))
    assert gpu.device == device_key(torch.cuda.get_device_name(0))
    assert gpu.fingerprint == cpu.fingerprint_on(gpu.device)
    assert cpu.fingerprint == gpu.fingerprint_on("cpu")
    crops = [crop_of(noise(256, k), ages=(20.0 + k, 60.0)) for k in range(6)]
    alone = [gpu([crop])[0].step for crop in crops]
    together = [answer.step for answer in gpu(crops)]
    for crop, step, item in zip(crops, alone, together, strict=True):
        assert np.array_equal(item, step)
        np.testing.assert_allclose(step, cpu([crop])[0].step, atol=1e-4)


def test_agers_without_a_network_need_no_torch_and_builtin_is_never_bands():
    code = """
import sys
from vfxage.ager import load_ager
bands, builtin = load_ager("bands"), load_ager("builtin", "cuda")
assert bands.name == "bands" and builtin.name == "relief"
print(builtin.note)
assert not {"torch", "mediapipe", "av", "scipy"} & set(sys.modules), sorted(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert re.search(r"relief.*on the CPU; --device cuda is for networks", done.stdout)


def test_importing_the_package_is_light():
    code = "import sys, vfxage.ager; assert not {'torch', 'cv2', 'safetensors'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
