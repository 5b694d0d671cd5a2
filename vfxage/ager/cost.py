"""Cost of a network: its parameters and multiplications for one crop, counted by torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from vfxage.ager import Ager, Architecture
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
