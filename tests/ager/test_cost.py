"""Parameters and multiplications of networks that are counted by hand."""

from typing import cast

import pytest
import torch

from tests.ager.onnx_files import fran
from vfxage.ager import Ager
from vfxage.ager.cost import Cost, network_cost, onnx_macs
from vfxage.ager.onnx_file import read_onnx


class Holder:
    """An ager that holds one convolution, and calls another, depthwise and of no module, as blurs do."""

    def __init__(self):
        self.network = torch.nn.Conv2d(3, 8, 3, padding=1)

    def __call__(self, crops):
        with torch.inference_mode():
            self.network(torch.zeros(1, 3, 64, 64))
            torch.nn.functional.conv2d(
                torch.zeros(1, 8, 64, 64), torch.zeros(8, 1, 4, 4), stride=2, padding=1, groups=8
            )
        return []


def test_every_convolution_is_counted():
    by_hand = 3 * 8 * 9 * 64 * 64 + 8 * 16 * 32 * 32
    assert network_cost(cast("Ager", Holder()), []) == Cost(parameters=3 * 8 * 9 + 8, macs=by_hand)


@pytest.mark.parametrize(("size", "side"), [(64, 64), (None, 256)])
def test_convolutions_of_an_onnx_file_are_counted(tmp_path, size, side):
    (tmp_path / "fran.onnx").write_bytes(fran(size=size).SerializeToString())
    assert onnx_macs(read_onnx(tmp_path / "fran.onnx"), side) == 3 * 3 * side * side


def test_an_ager_without_a_network_has_no_count():
    assert network_cost(cast("Ager", lambda crops: []), []) is None
