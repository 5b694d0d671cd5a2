"""ONNX judges: small networks whose answers a formula gives."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.lab.evaluate.faces import SKIN, mesh
from vfxage.errors import ModelError
from vfxage.lab.evaluate.vectors import AgeEstimator, Embedder, similarity


def save(path, nodes, shape, constants=None, kind=TensorProto.FLOAT):
    """A network of one picture whose last node gives "out"."""
    tensors = [numpy_helper.from_array(np.asarray(v), name) for name, v in (constants or {}).items()]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("in", kind, shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        initializer=tensors,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def means(path, shape=(1, 3, 112, 112), axes=(2, 3)):
    """The mean of every channel."""
    return save(path, [helper.make_node("ReduceMean", ["in"], ["out"], axes=list(axes), keepdims=0)], list(shape))


def years(path, vector, shape=(1, 3, 64, 64)):
    """A constant answer, whatever the picture (times 1 plus nothing of it)."""
    answer = np.array(vector, np.float32)[None]
    nodes = [
        helper.make_node("ReduceMean", ["in"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["none"]),
        helper.make_node("Add", ["answer", "none"], ["out"]),
    ]
    return save(path, nodes, list(shape), {"answer": answer, "zero": np.float32(0)})


@pytest.fixture
def points(portraits):
    return mesh(portraits, 256)


def plain():
    return np.ascontiguousarray(np.broadcast_to(SKIN, (256, 256, 3)), np.float32)


def test_a_similarity_takes_points_where_a_rotation_and_scale_took_them():
    points = np.random.default_rng(0).normal(0, 10, (5, 2))
    across = 1.5 * np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    found = similarity(points, np.asarray(points @ across.T + [3, -7], np.float64))
    assert np.allclose(found[:, :2], across)
    assert np.allclose(found[:, 2], [3, -7])


@pytest.mark.parametrize(
    ("shape", "axes"), [((1, 3, 112, 112), (2, 3)), (("n", 3, "h", "w"), (2, 3)), ((1, 96, 96, 3), (1, 2))]
)
@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        ("-1..1", 2 * SKIN - 1),
        ("0..1", SKIN),
        ("0..255", 255 * SKIN),
        ("imagenet", (SKIN - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]),
    ],
)
def test_an_embedding_is_the_unit_vector_of_the_answer(tmp_path, points, shape, axes, pixels, expected):
    found = Embedder(means(tmp_path / "mean.onnx", shape, axes), pixels)(plain(), points)
    assert np.allclose(found, expected / np.linalg.norm(expected), atol=1e-4)


def test_the_embedder_sees_the_face_upright_where_arcface_wants_its_eyes(tmp_path, points):
    """A bright spot on each iris: the network reads the pixel where the left eye belongs."""
    rgb = np.zeros((256, 256, 3), np.float32)
    for iris, value in ((468, (0.9, 0.1, 0.1)), (473, (0.1, 0.1, 0.9))):
        x, y = points[iris].astype(int)
        rgb[y - 5 : y + 6, x - 5 : x + 6] = value
    row, column = 51, 38  # of 112, the picture's left eye
    nodes = [
        helper.make_node("Slice", ["in", "begin", "end", "axes"], ["spot"]),
        helper.make_node("ReduceMean", ["spot"], ["out"], axes=[2, 3], keepdims=0),
    ]
    places = {
        "begin": np.array([row, column], np.int64),
        "end": np.array([row + 1, column + 1], np.int64),
        "axes": np.array([2, 3], np.int64),
    }
    path = save(tmp_path / "spot.onnx", nodes, [1, 3, 112, 112], places)
    found = Embedder(path, "0..1")(rgb, points)
    assert found[0] > 0.9 > found[2]


def test_ages_of_every_kind_of_answer(tmp_path, points):
    assert AgeEstimator(years(tmp_path / "1.onnx", [37.5]))(plain(), points) == pytest.approx(37.5)
    assert AgeEstimator(years(tmp_path / "3.onnx", [0.1, 0.9, 0.42]))(plain(), points) == pytest.approx(42)
    shares = np.zeros(101)
    shares[[20, 40]] = 0.25, 0.75
    assert AgeEstimator(years(tmp_path / "dex.onnx", shares))(plain(), points) == pytest.approx(35)
    scores = np.log(np.maximum(shares, 1e-9)) + 3
    assert AgeEstimator(years(tmp_path / "logits.onnx", scores))(plain(), points) == pytest.approx(35, abs=1e-3)


def test_networks_of_other_shapes_are_refused_with_what_they_take(tmp_path, points):
    with pytest.raises(ModelError, match="1x4x112x112"):
        Embedder(means(tmp_path / "four.onnx", (1, 4, 112, 112)))
    with pytest.raises(ModelError, match="100x120"):
        Embedder(means(tmp_path / "wide.onnx", (1, 3, 100, 120)))
    with pytest.raises(ModelError, match="8x3x112x112"):
        Embedder(means(tmp_path / "batch.onnx", (8, 3, 112, 112)))
    with pytest.raises(ModelError, match="answers 7 numbers"):
        AgeEstimator(years(tmp_path / "seven.onnx", np.ones(7)))(plain(), points)
    with pytest.raises(ModelError, match="answers 1 numbers"):
        Embedder(years(tmp_path / "one.onnx", [1.0]))(plain(), points)
    with pytest.raises(ModelError, match="NaN"):
        AgeEstimator(years(tmp_path / "nan.onnx", [np.nan]))(plain(), points)


def test_files_that_are_no_networks_are_refused(tmp_path):
    with pytest.raises(ModelError, match=r"gone\.onnx"):
        Embedder(tmp_path / "gone.onnx")
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(ModelError, match=r"text\.onnx"):
        Embedder(tmp_path / "text.onnx")
    whole = means(tmp_path / "whole.onnx").read_bytes()
    (tmp_path / "half.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"half\.onnx"):
        AgeEstimator(tmp_path / "half.onnx")
