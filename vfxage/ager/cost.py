"""Cost of a network: its parameters and multiplications for one crop, counted by torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from vfxage.ager import Ager, Architecture
from vfxage.ager.onnx_file import OnnxFile, libraries
from vfxage.ager.picture import PictureNetwork
from vfxage.types import FaceCrop


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Cost of the networks of one ager."""

    parameters: int
    macs: int
    """Multiply-accumulates of all convolutions and matrix products for the crops that were given."""


def network_cost(ager: Ager, crops: Sequence[FaceCrop]) -> Cost | None:
    """Count by running the ager once on ``crops``; None for an ager without a torch network."""
    networks = [value for value in vars(getattr(ager, "plain", ager)).values() if isinstance(value, torch.nn.Module)]
    if not networks:
        return None
    with FlopCounterMode(display=False) as counter:
        ager(crops)
    parameters = sum(weight.numel() for network in networks for weight in network.parameters())
    return Cost(parameters=parameters, macs=counter.get_total_flops() // 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureCost:
    """Multiply-accumulates of a network for one picture of the size that it was trained for."""

    first: int
    """For the first age that is asked for."""
    further: int
    """For each further age: less where a part of the network does not see the age."""


def architecture_cost(row: Architecture) -> PictureCost:
    """Count without weights and without pixels, so that it takes no time and no memory."""
    with torch.device("meta"), torch.no_grad():
        network = row.build().eval().requires_grad_(False)
        rgb, ages = torch.empty(1, 3, row.native, row.native), torch.empty(1, 2)
        with FlopCounterMode(display=False) as first:
            if isinstance(network, PictureNetwork):
                seen = network.look(rgb)
            else:
                network(torch.empty(1, 5, row.native, row.native))
        looked = first.get_total_flops() // 2
        if not isinstance(network, PictureNetwork):
            return PictureCost(first=looked, further=looked)
        with FlopCounterMode(display=False) as second:
            network.picture(rgb, seen, ages)
    further = second.get_total_flops() // 2
    return PictureCost(first=looked + further, further=further)


def onnx_macs(file: OnnxFile, side: int) -> int | None:
    """Multiply-accumulates of an ONNX file's convolutions for one picture; None where its shapes cannot be worked out.

    ``side`` is the picture's, for a file that leaves it free, pixels. Raises InstallError without the extra.
    """
    onnx, _ = libraries()
    model = onnx.ModelProto()
    model.CopyFrom(file.model)
    for port in (port for port in model.graph.input if port.name == "target"):
        for dim in port.type.tensor_type.shape.dim[2:]:
            dim.dim_value = dim.dim_value or side
    graph = onnx.shape_inference.infer_shapes(model).graph
    shapes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.output, *graph.value_info):
        shapes[value.name] = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    total = 0
    for node in graph.node:
        if node.op_type in ("Conv", "ConvTranspose"):
            many = shapes.get(node.output[0] if node.op_type == "Conv" else node.input[0], [])
            kernel = shapes.get(node.input[1], [])
            if not kernel or not many or 0 in many[1:]:
                return None
            total += math.prod(many[1:]) * math.prod(kernel[1:])
    return total
