"""Golden crops: the look of each shipped ager is unchanged, or its ``METHOD`` was raised."""

import numpy as np
import pytest

from tools import golden_crops
from tools.golden_crops import AGERS, CASES, MEAN, PERCENTILE, answers, changed, golden, method

REMAKE = "then remake the golden crops (python -m tools.golden_crops) and look at what they changed"


@pytest.mark.parametrize("name", AGERS)
def test_the_golden_file_is_of_this_method_and_data(name):
    number, data, pictures = golden(name)
    now, data_now = method(name)
    assert number == now, f"METHOD of {name} is {now}, its golden crops are of {number}: {REMAKE}"
    assert data == data_now, f"the data file of {name} is not the one its golden crops were made with: {REMAKE}"
    assert len(pictures) == 2 * len(CASES)


@pytest.mark.parametrize("name", AGERS)
def test_the_look_is_what_it_was(name):
    _, _, pictures = golden(name)
    found = answers(name)
    assert found.keys() == pictures.keys()
    for key, before in pictures.items():
        assert np.abs(before).mean() > 10 * MEAN, f"{key} shows no ageing"
    off = changed(pictures, found)
    lines = "\n  ".join(off)
    what = f"{name} answers otherwise than its golden crops (allowed: mean {MEAN:g}, 99th percentile {PERCENTILE:g})"
    assert not off, f"{what}:\n  {lines}\nIf the change of look is meant, raise METHOD of {name}, {REMAKE}."


def test_the_tool_does_not_overwrite_a_look_that_changed_under_the_same_method(monkeypatch):
    before = {name: (golden_crops.FOLDER / f"{name}.npz").read_bytes() for name in AGERS}
    _, _, pictures = golden("bands")
    monkeypatch.setattr(golden_crops, "answers", lambda name: {key: value * 1.05 for key, value in pictures.items()})
    with pytest.raises(SystemExit, match="raise METHOD first"):
        golden_crops.main()
    assert before == {name: (golden_crops.FOLDER / f"{name}.npz").read_bytes() for name in AGERS}
