"""One torch thread: the networks are tiny, and threads that wait for each other crawl where cores are shared."""

import pytest


@pytest.fixture(scope="package", autouse=True)
def _one_thread():
    """For the whole folder, its module fixtures included: another number of threads sums in another order."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
    torch.set_num_threads(before)
