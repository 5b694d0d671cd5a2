"""Golden crops: the look of each ager that ships is what it was, or its ``METHOD`` was raised."""

import numpy as np
import pytest

from tools.golden_crops import AGERS, CASES, answers, golden, method

MEAN, PERCENTILE = 4e-5, 2e-4
"""Largest mean and 99th percentile of the absolute difference, sRGB 0..1: 1/100 and 1/20 of an 8-bit code value.

Rounding is far below: the same machine with AVX, FMA and IPP on and off stays within the 1e-5 that storing rounds by.
A look that changes is far above: most numbers of ``bands``, changed by 10 %, move the mean by more than 1e-4.
"""
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
    off = []
    for key, before in pictures.items():
        assert np.abs(before).mean() > 10 * MEAN, f"{key} shows no ageing"
        difference = np.abs(found[key] - before)
        mean, percentile = float(difference.mean()), float(np.percentile(difference, 99))
        if mean > MEAN or percentile > PERCENTILE:
            off.append(f"{key}: mean {mean:.1e}, 99th percentile {percentile:.1e}")
    lines = "\n  ".join(off)
    what = f"{name} answers otherwise than its golden crops (allowed: mean {MEAN:g}, 99th percentile {PERCENTILE:g})"
    assert not off, f"{what}:\n  {lines}\nIf the change of look is meant, raise METHOD of {name}, {REMAKE}."
