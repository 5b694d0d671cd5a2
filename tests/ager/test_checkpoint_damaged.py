"""A damaged or hostile file, or a bad header, fails with one line that names the fault, and never runs anything."""

import json
import os
import pickle
import struct
import zipfile

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ager.conftest import flat_state, refusal
from vfxage.ager.weight_files import HEADER

# ---- files that are no checkpoints ---------------------------------------------------------------------------------


def test_a_path_without_a_file(tmp_path):
    assert "no such file" in refusal(tmp_path / "nothing.pth")
    assert "is a folder" in refusal(tmp_path)
    (tmp_path / "empty.pt").touch()
    assert "is empty" in refusal(tmp_path / "empty.pt")


def test_other_files_are_not_checkpoints(tmp_path, portraits):
    assert "holds no checkpoint" in refusal(portraits / "eval" / "lon_001_neutral.jpg")
    assert "holds no checkpoint" in refusal(portraits / "eval" / "index.csv")
    text = tmp_path / "page.pth"
    text.write_text("<html>404</html>")
    assert "holds no checkpoint" in refusal(text)
    zipped = tmp_path / "other.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "is an archive that torch.save did not write" in refusal(zipped)


def test_things_torch_saves_that_are_no_weights(saved, tmp_path):
    assert "holds no weights but dict" in refusal(saved({"epoch": 3, "loss": 0.1}))
    assert "holds no weights but Tensor" in refusal(saved(torch.zeros(3)))
    assert "holds no weights but list" in refusal(saved([torch.zeros(3)]))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.7, 0.999])
def test_a_truncated_file(zipped, kept, saved):
    path = saved(flat_state(), _use_new_zipfile_serialization=zipped)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    text = refusal(path)
    assert "damaged" in text


def test_safetensors_that_lie_about_their_size(tmp_path):
    path = tmp_path / "lie.safetensors"
    path.write_bytes(struct.pack("<Q", 1 << 60) + b'{"a": 1}')
    assert "claims 1152921504606846976 bytes" in refusal(path)
    header = json.dumps({"x": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    assert "damaged" in refusal(path)


def test_an_archive_that_unpacks_to_more_than_it_is(tmp_path):
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", bytes(50_000_000))
    text = refusal(path)
    assert "is compressed: its members claim 50000000 bytes" in text
    assert "damaged" not in text


def test_a_pointer_of_git_lfs_is_called_by_its_name(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    assert "pointer of Git LFS" in refusal(path)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_a_torchscript_program_is_called_by_its_name(tmp_path):
    path = tmp_path / "scripted.pt"
    torch.jit.trace(torch.nn.Sequential(*(torch.nn.ReLU() for _ in range(40))), torch.zeros(1)).save(path)
    assert "TorchScript" in refusal(path)


class Touch:
    """Unpickling this would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("form", ["zip", "legacy", "bare pickle"])
def test_a_hostile_pickle_is_refused_and_does_nothing(form, tmp_path):
    mark, path = tmp_path / "it-ran", tmp_path / "hostile.pth"
    if form == "bare pickle":
        path.write_bytes(pickle.dumps({"a.weight": Touch(mark)}))
    else:
        torch.save(flat_state() | {"x": Touch(mark)}, path, _use_new_zipfile_serialization=form == "zip")
    text = refusal(path)
    assert "refused" in text
    assert "system" in text or form == "bare pickle"
    assert not mark.exists()


def test_a_whole_pickled_network_is_refused(saved):
    assert "refused" in refusal(saved(torch.nn.Linear(2, 2)))


# ---- headers and damage of any kind --------------------------------------------------------------------------------

GOOD = {
    "version": 1,
    "architecture": "face_reaging",
    "framing": "wide",
    "sizes": [256],
    "native": 256,
    "encoding": "0..1",
    "ages": [18, 85],
    "licence": "CC0",
}


def with_header(path, text):
    tensors = {"final_conv.bias": torch.zeros(3)}
    safetensors.torch.save_file(tensors, path, {HEADER: text})
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"architecture": "face_reagin"}, "nearest is face_reaging"),
        ({"architecture": None}, "unknown architecture None"),
        ({"version": 2}, "later vfxage"),
        ({"sizes": [250]}, "impossible"),
        ({"sizes": [512, 256]}, "impossible"),
        ({"sizes": []}, "impossible"),
        ({"sizes": 512}, "bad vfxage header"),
        ({"ages": [85, 18]}, "impossible"),
        ({"ages": [18]}, "bad vfxage header"),
        ({"encoding": "0..255"}, "impossible"),
        ({"framing": "tight"}, "impossible"),
        ({"colour": "red"}, "bad vfxage header"),
        ({"licence": ...}, "lacks tensor"),
    ],
)
def test_a_header_is_read_strictly(change, words, tmp_path):
    header = {key: value for key, value in (GOOD | change).items() if value is not ...}
    assert words in refusal(with_header(tmp_path / "ours.safetensors", json.dumps(header)))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.dictionaries(st.sampled_from(sorted(GOOD)), json_values, max_size=8),
    text=st.none() | st.text(max_size=20),
)
def test_no_header_causes_anything_but_a_model_error(header, text, tmp_path):
    refusal(with_header(tmp_path / "ours.safetensors", json.dumps(GOOD | header) if text is None else text))


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), zipped=st.booleans())
def test_no_flipped_bytes_cause_anything_but_a_model_error(data, zipped, tmp_path):
    path = tmp_path / "flipped.pth"
    torch.save({"a.weight": torch.arange(6.0), "b": torch.ones(2, 2)}, path, _use_new_zipfile_serialization=zipped)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    refusal(path)
