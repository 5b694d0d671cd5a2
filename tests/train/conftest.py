"""One torch thread: the networks are tiny, and threads that wait for each other crawl where cores are shared."""

import pytest


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield
    torch.set_num_threads(before)
