"""Weights out of ONNX files that torch's own exporter wrote: renamed, folded, wrapped, and still the same network."""

import warnings

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from tests.ager.conftest import random_tensor
from tests.ager.onnx_files import fran, model
from vfxage.ager.architectures import ARCHITECTURES
from vfxage.ager.checkpoint import load_checkpoint, save_checkpoint
from vfxage.ager.onnx_weights import import_onnx
from vfxage.errors import ModelError


def _depthwise(x, row, *, stride=1, padding=0):
    """``unet._depthwise`` with the number of channels as a constant, as the exporter needs it."""
    taps = torch.tensor(row)
    kernel = (torch.outer(taps, taps) / taps.sum() ** 2).expand(int(x.shape[1]), 1, len(row), len(row))
    return torch.nn.functional.conv2d(x, kernel, stride=stride, padding=padding, groups=int(x.shape[1]))


@pytest.fixture
def network(monkeypatch):
    """A network with an eighth of its channels and drawn weights."""
    monkeypatch.setattr("vfxage.ager.unet.WIDTHS", (8, 12, 16, 20, 24))
    monkeypatch.setattr("vfxage.ager.unet._depthwise", _depthwise)

    def draw(name):
        made = ARCHITECTURES[name].build().eval().requires_grad_(False)
        generator = torch.Generator().manual_seed(0)
        for key, tensor in sorted(made.state_dict().items()):
            if not key.endswith((".filt", ".num_batches_tracked")):
                tensor.copy_(random_tensor(key, tensor.shape, generator))
        return made

    return draw


class WholeFace(torch.nn.Module):
    """FRAN's interface around a network, for pixels of -1..1 or of 0..1."""

    def __init__(self, inner, inside, outside):
        super().__init__()
        self.inner, self.stretch, self.back = inner, inside != outside, outside == "0..1"

    def forward(self, target, direction):
        picture = target if not self.stretch else target * 2 - 1 if self.back else (target + 1) / 2
        ages = direction.reshape(1, 2, 1, 1).expand(1, 2, int(target.shape[2]), int(target.shape[3]))
        delta = self.inner(torch.cat([picture, ages], dim=1))
        return target + (delta if not self.stretch else delta / 2 if self.back else delta * 2)


def exported(part, path, inputs, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = ["input"] if len(inputs) == 1 else ["target", "direction"]
        torch.onnx.export(part, inputs, path, dynamo=False, input_names=names, opset_version=17, **options)
    return path


def same_answers(network, row, state, tmp_path):
    path = tmp_path / "ours.safetensors"
    save_checkpoint(path, row, state)
    x = torch.rand((1, 5, 64, 64), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        found, wanted = load_checkpoint(path).network()(x), network(x)
    torch.testing.assert_close(found, wanted, atol=1e-4 * float(wanted.abs().max()), rtol=0)


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        *((name, True) for name, row in ARCHITECTURES.items() if row.answers == "delta"),
        ("visage", False),
        ("ry_lu", False),
    ],
)
def test_a_network_exported_as_it_is(name, folded, network, tmp_path):
    made = network(name)
    options = {} if folded else {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}
    path = exported(made, tmp_path / "plain.onnx", (torch.rand(1, 5, 32, 32),), **options)
    row, state = import_onnx(path)
    assert row.name == name
    same_answers(made, row, state, tmp_path)


@pytest.mark.parametrize(("name", "outside"), [("ry_lu", "-1..1"), ("ry_lu", "0..1"), ("face_reaging", "-1..1")])
def test_a_network_inside_a_file_of_frans_interface(name, outside, network, tmp_path):
    made = network(name)
    whole = WholeFace(made, ARCHITECTURES[name].encoding, outside).eval()
    path = exported(whole, tmp_path / "fran.onnx", (torch.rand(1, 3, 32, 32), torch.rand(2)))
    row, state = import_onnx(path)
    assert row.name == name
    same_answers(made, row, state, tmp_path)


def test_a_graph_that_does_more_than_its_layers_is_refused(network, tmp_path):
    made = network("face_reaging")

    class Doubled(torch.nn.Module):
        def forward(self, x):
            return made(x) * 1.5

    path = exported(Doubled(), tmp_path / "doubled.onnx", (torch.rand(1, 5, 32, 32),))
    with pytest.raises(ModelError, match=r"layers of face_reaging, but .* does not answer as the file does"):
        import_onnx(path)


def test_other_networks_are_refused(network, tmp_path):
    path = tmp_path / "other.onnx"
    onnx.save(fran(256), path)
    with pytest.raises(ModelError, match=r"network that vfxage does not know \(1 convolutions, first 3x3x1x1\)"):
        import_onnx(path)
    nodes = [helper.make_node("Relu", ["input"], ["output"])]
    onnx.save(model(nodes, {"input": [1, 5, 32, 32]}, {"output": [1, 5, 32, 32]}, {}), path)
    with pytest.raises(ModelError, match=r"0 convolutions, first none"):
        import_onnx(path)


def test_a_tensor_with_a_forged_size_is_refused(tmp_path):
    proto = fran(256)
    kernel = next(tensor for tensor in proto.graph.initializer if tensor.name == "kernel")
    kernel.dims[0] = 2**40
    path = tmp_path / "forged.onnx"
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(ModelError, match="is damaged"):
        import_onnx(path)


def test_half_precision_weights_inside_are_not_guessed_at(network, tmp_path):
    path = exported(network("face_reaging"), tmp_path / "plain.onnx", (torch.rand(1, 5, 32, 32),))
    proto = onnx.load(path)
    for tensor in proto.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype == np.float32:
            tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), tensor.name))
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(ModelError, match="does not know"):
        import_onnx(path)
