"""Cost of a network: its parameters and multiplications for one crop, counted by torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from vfxage.ager import Ager
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
