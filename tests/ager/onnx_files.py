"""Small ONNX files with FRAN's interface, whose answers a formula gives."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MIX = np.random.default_rng(7).normal(0, 0.4, (3, 3)).astype(np.float32)
"""What the networks here do to a pixel: ``pixel + 2 (target - source) MIX pixel`` of -1..1, ages / 100."""


def fran(size=1024, direction=(2,), scale="-1..1", *, clip=False) -> onnx.ModelProto:
    """A network of FRAN's interface that mixes channels; "0..1" takes such pixels and stretches them itself."""
    side = [size or "h", size or "h"]
    last = len(direction) - 1
    nodes, name = [], "target"
    constants = {"kernel": MIX.reshape(3, 3, 1, 1), "two": np.float32(2), "one": np.float32(1)}
    constants |= {
        "first": np.array([0], np.int64),
        "second": np.array([1], np.int64),
        "flat": np.array([1, 1, 1, 1], np.int64),
    }
    if scale == "0..1":
        nodes += [helper.make_node("Mul", ["target", "two"], ["doubled"])]
        nodes += [helper.make_node("Sub", ["doubled", "one"], ["stretched"])]
        name = "stretched"
    nodes += [
        helper.make_node("Gather", ["direction", "first"], ["source"], axis=last),
        helper.make_node("Gather", ["direction", "second"], ["wanted"], axis=last),
        helper.make_node("Sub", ["wanted", "source"], ["years"]),
        helper.make_node("Reshape", ["years", "flat"], ["by"]),
        helper.make_node("Conv", [name, "kernel"], ["mixed"]),
        helper.make_node("Mul", ["mixed", "by"], ["change"]),
    ]
    factor = "two" if scale == "-1..1" else "one"
    nodes += [helper.make_node("Mul", ["change", factor], ["delta"])]
    nodes += [helper.make_node("Add", ["target", "delta"], ["face"])]
    if clip:
        constants["zero"] = np.float32(0)
        nodes += [helper.make_node("Clip", ["face", "zero", "one"], ["output"])]
    else:
        nodes[-1].output[0] = "output"
    return model(nodes, {"target": [1, 3, *side], "direction": list(direction)}, {"output": [1, 3, *side]}, constants)


def model(nodes, inputs, outputs, constants) -> onnx.ModelProto:
    """A model of float inputs and outputs by name and shape."""
    ports = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in of.items()]
        for of in (inputs, outputs)
    ]
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "g", ports[0], ports[1], initializer=tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def expected(rgb, source, target):
    """The step in sRGB 0..1 that ``fran`` stands for, whatever pixels it takes."""
    return np.float32(target / 100 - source / 100) * ((rgb * 2 - 1) @ MIX.T)
