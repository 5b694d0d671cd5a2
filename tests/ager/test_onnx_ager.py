"""ONNX networks of FRAN's interface: the right step, the same bits for all, and one line for every bad file."""

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.ager.onnx_files import MIX, expected, fran, model
from vfxage.ager import age_frames, load_ager
from vfxage.ager.cores import device_key
from vfxage.ager.onnx_file import read_onnx
from vfxage.errors import InstallError, ModelError, ShotError


@pytest.fixture
def saved(tmp_path):
    def save(proto, name="fran.onnx", **options) -> str:
        onnx.save(proto, tmp_path / name, **options)
        return str(tmp_path / name)

    return save


def noise(size, seed=0):
    return np.random.default_rng(seed).random((size, size, 3), np.float32)


def step_of(ager, crop, frame_of):
    (item,) = age_frames(ager)([frame_of(7, crop)])
    return item.deltas[0].step


def refusal(path, *words):
    with pytest.raises(ModelError) as caught:
        load_ager(str(path), "cpu")
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    assert caught.value.fix
    for word in words:
        assert word in text, text


# ---- what runs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", [(2,), (1, 2), ("n",)])
def test_the_step_is_the_answer_minus_the_picture_in_srgb(direction, saved, crop_of, frame_of):
    ager = load_ager(saved(fran(256, direction)), "cpu")
    rgb = noise(256)
    step = step_of(ager, crop_of(rgb, ages=(30.0, 71.0)), frame_of)
    np.testing.assert_allclose(step, expected(rgb, 30, 71), atol=1e-6)
    assert ager.framing.name == "ffhq"


@pytest.mark.parametrize("clip", [False, True])
def test_a_file_that_takes_pixels_of_0_to_1_says_so_by_its_graph(clip, saved, crop_of, frame_of):
    ager = load_ager(saved(fran(256, scale="0..1", clip=clip)), "cpu")
    rgb = 0.3 + 0.4 * noise(256)
    np.testing.assert_allclose(
        step_of(ager, crop_of(rgb, ages=(30.0, 40.0)), frame_of), expected(rgb, 30, 40), atol=1e-6
    )
    assert "pixels 0..1" in ager.note


def test_the_size_is_the_files_own_or_the_shots_where_it_is_open(saved, crop_of, frame_of):
    assert load_ager(saved(fran(1024)), "cpu").sizes == (1024,)
    ager = load_ager(saved(fran(None)), "cpu")
    assert ager.sizes == (256, 512, 768, 1024)
    for size in (256, 512):
        assert step_of(ager, crop_of(noise(size)), frame_of).shape == (size, size, 3)


def test_what_the_network_leaves_alone_is_zero_to_the_bit(saved, crop_of, frame_of):
    ager = load_ager(saved(fran(256)), "cpu")
    assert not step_of(ager, crop_of(noise(256), ages=(45.0, 45.0)), frame_of).any()
    assert not step_of(ager, crop_of(noise(256), intensity=0.0), frame_of).any()


def in_half(proto):
    """The same network, its numbers and its ports of half precision, as converters make of published files."""
    for tensor in proto.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    for port in (*proto.graph.input, *proto.graph.output):
        port.type.tensor_type.elem_type = TensorProto.FLOAT16
    return proto


def test_a_file_of_half_precision_runs_and_leaves_alone_to_the_bit(saved, crop_of, frame_of):
    ager = load_ager(saved(in_half(fran(256))), "cpu")
    rgb = noise(256)
    step = step_of(ager, crop_of(rgb, ages=(30.0, 70.0)), frame_of)
    assert step.dtype == np.float32
    np.testing.assert_allclose(step, expected(rgb, 30, 70), atol=2e-3)
    assert not step_of(ager, crop_of(rgb, ages=(45.0, 45.0)), frame_of).any()


def test_a_file_of_two_kinds_of_numbers_is_reported(saved):
    proto = fran(256)
    proto.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    refusal(saved(proto), "answers output 1x3x256x256 float16", "not all float")


def test_a_newer_opset_is_reported_in_words(saved):
    proto = fran(256)
    proto.opset_import[0].version = 99
    with pytest.raises(ModelError, match="Opset 99") as error:
        load_ager(saved(proto), "cpu")
    assert "/onnxruntime" not in str(error.value)
    assert "ONNXRuntimeError" not in str(error.value)


def test_ages_past_a_hundred_are_held(saved, crop_of, frame_of):
    ager = load_ager(saved(fran(256)), "cpu")
    steps = [step_of(ager, crop_of(noise(256), ages=(50.0, age)), frame_of) for age in (100.0, 120.0)]
    assert np.array_equal(*steps)


def test_bits_do_not_depend_on_threads(saved, crop_of, frame_of):
    ager = load_ager(saved(fran(256)), "cpu")
    crops = [crop_of(noise(256, k), ages=(20.0 + k, 60.0)) for k in range(4)]
    alone = [step_of(ager, crop, frame_of) for crop in crops]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda crop: step_of(ager, crop, frame_of), crops * 3))
    for k, step in enumerate(together):
        assert np.array_equal(step.view(np.uint32), alone[k % 4].view(np.uint32))


def test_the_fingerprint_follows_the_file_and_the_weights_beside_it(saved, tmp_path):
    one = load_ager(saved(fran(256)), "cpu").fingerprint
    assert load_ager(saved(fran(256), "copy.onnx"), "cpu").fingerprint == one
    assert load_ager(saved(fran(512)), "cpu").fingerprint != one
    options = {"save_as_external_data": True, "location": "fran.data", "size_threshold": 0}
    path = saved(fran(256), "apart.onnx", **options)
    before = load_ager(path, "cpu").fingerprint
    weights = bytearray((tmp_path / "fran.data").read_bytes())
    weights[:4] = np.float32(0.5).tobytes()
    (tmp_path / "fran.data").write_bytes(weights)
    assert load_ager(path, "cpu").fingerprint != before


def test_weights_in_a_file_beside_it_are_used(saved, crop_of, frame_of):
    options = {"save_as_external_data": True, "location": "fran.onnx.data", "size_threshold": 0}
    ager = load_ager(saved(fran(256), **options), "cpu")
    rgb = noise(256)
    np.testing.assert_allclose(
        step_of(ager, crop_of(rgb, ages=(30.0, 71.0)), frame_of), expected(rgb, 30, 71), atol=1e-6
    )


# ---- what is refused -----------------------------------------------------------------------------------------------


def test_missing_empty_folder_and_foreign_files(tmp_path):
    refusal(tmp_path / "none.onnx", "cannot be read")
    (tmp_path / "folder.onnx").mkdir()
    refusal(tmp_path / "folder.onnx", "is not a file")
    for name, data in {
        "empty": b"",
        "text": b"hello, I am a text\n" * 9,
        "zeros": bytes(999),
        "pickle": b"\x80\x02}.",
    }.items():
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(data)
        refusal(path)


def test_a_truncated_file_is_one_line(saved, tmp_path):
    data = Path(saved(fran(256))).read_bytes()
    for length in range(1, len(data), 37):
        path = tmp_path / "cut.onnx"
        path.write_bytes(data[:length])
        refusal(path)


def test_bytes_turned_over_never_escape_as_another_error(saved, tmp_path, crop_of, frame_of):
    data = Path(saved(fran(256))).read_bytes()
    draw = np.random.default_rng(5)
    for _ in range(80):
        bad = bytearray(data)
        for place in draw.integers(0, len(bad), 3):
            bad[place] = draw.integers(0, 256)
        (tmp_path / "bad.onnx").write_bytes(bad)
        with suppress(ModelError, ShotError):
            step_of(load_ager(str(tmp_path / "bad.onnx"), "cpu"), crop_of(noise(256)), frame_of)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"input": [1, 5, 512, 512]}, ["input 1x5x512x512 float", "not target and direction", "models convert"]),
        ({"target": [1, 3, 256, 256]}, ["not target and direction"]),
        ({"target": [1, 3, 256, 256], "direction": [3]}, ["not [source, target]"]),
        ({"target": [1, 3, 256, 512], "direction": [2]}, ["not 1x3 square pixels"]),
        ({"target": [4, 3, 256, 256], "direction": [2]}, ["not 1x3 square pixels"]),
        ({"target": [1, 3, 8, 8], "direction": [2]}, ["no face's"]),
        ({"target": [1, 3, 256, 256], "direction": [2], "target_with_background": [1]}, ["not target and direction"]),
    ],
)
def test_another_interface_is_reported(inputs, words, saved):
    nodes = [helper.make_node("Identity", [next(iter(inputs))], ["output"])]
    proto = model(nodes, inputs, {"output": next(iter(inputs.values()))}, {})
    refusal(saved(proto), *words)


@pytest.mark.parametrize("location", ["../secret", "/etc/hostname", "link", "a/../../secret"])
def test_weights_outside_its_folder_are_refused(location, tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(MIX.tobytes())
    (folder / "link").symlink_to(tmp_path / "secret")
    proto = fran(256)
    tensor = next(tensor for tensor in proto.graph.initializer if tensor.name == "kernel")
    onnx.external_data_helper.set_external_data(tensor, location=location, offset=0, length=36)
    tensor.ClearField("raw_data")
    (folder / "fran.onnx").write_bytes(proto.SerializeToString())
    refusal(folder / "fran.onnx", "outside its folder")


@pytest.mark.parametrize("reported", [{"length": 10**9}, {"offset": -4}, {"offset": 30, "length": 36}])
def test_weights_that_do_not_fit_their_file_are_refused(reported, tmp_path):
    (tmp_path / "data").write_bytes(MIX.tobytes())
    proto = fran(256)
    tensor = next(tensor for tensor in proto.graph.initializer if tensor.name == "kernel")
    onnx.external_data_helper.set_external_data(tensor, location="data", **reported)
    tensor.ClearField("raw_data")
    (tmp_path / "fran.onnx").write_bytes(proto.SerializeToString())
    refusal(tmp_path / "fran.onnx", "is damaged")
    (tmp_path / "data").unlink()
    refusal(tmp_path / "fran.onnx", "lacks the file of its weights")


def test_answers_that_are_no_face_name_the_frame(saved, crop_of, frame_of):
    crop = crop_of(noise(256))
    ports = {"target": [1, 3, 256, 256], "direction": [2]}
    nan = model(
        [helper.make_node("Mul", ["target", "nan"], ["output"])],
        ports,
        {"output": [1, 3, 256, 256]},
        {"nan": np.float32("nan")},
    )
    flat = model([helper.make_node("Flatten", ["target"], ["output"])], ports, {"output": [1, 3 * 256 * 256]}, {})
    for proto, words in ((nan, "NaN or Inf"), (flat, "not a face of its size")):
        with pytest.raises(ModelError, match=rf"frame 7.*{words}"):
            step_of(load_ager(saved(proto), "cpu"), crop, frame_of)


def test_a_crop_size_it_does_not_take(saved, crop_of, frame_of):
    with pytest.raises(ShotError, match=r"512 px.*one of 256"):
        step_of(load_ager(saved(fran(256)), "cpu"), crop_of(noise(512)), frame_of)


def test_without_the_extra_it_says_what_to_install(saved, monkeypatch):
    path = saved(fran(256))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InstallError, match=r"pip install 'vfxage\[onnx\]'"):
        load_ager(path, "cpu")


def test_a_gpu_that_onnxruntime_cannot_use(saved, monkeypatch):
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    path = saved(fran(256))
    assert "on cpu" in load_ager(path, "auto").note
    with pytest.raises(ShotError, match="cuda:0 was asked for, but this onnxruntime cannot use it"):
        load_ager(path, "cuda:0")


def test_on_a_gpu_the_fingerprint_names_its_model(saved, monkeypatch):
    """No GPU is needed: the session says that it runs on one, and torch names it."""
    import torch

    class Session:
        def get_providers(self):
            return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    monkeypatch.setattr("vfxage.ager.onnx_ager.open_session", lambda file, device: Session())
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: ("NVIDIA L40S", "NVIDIA T4")[index])
    path = saved(fran(256))
    one, other = (load_ager(path, device) for device in ("auto", "cuda:1"))
    assert (one.device, other.device) == (device_key("NVIDIA L40S"), device_key("NVIDIA T4"))
    assert one.fingerprint == other.fingerprint_on(one.device) != other.fingerprint
    assert "cuda:1 (NVIDIA T4)" in other.note
    monkeypatch.undo()
    assert load_ager(path, "cpu").fingerprint == one.fingerprint_on("cpu")


def test_a_file_of_another_format_under_the_name(tmp_path):
    (tmp_path / "fran.onnx").write_bytes(b"PK\x03\x04" + bytes(200))
    with pytest.raises(ModelError, match="not an ONNX file"):
        read_onnx(tmp_path / "fran.onnx")
