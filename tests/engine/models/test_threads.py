"""Libraries beside torch use no more threads than torch."""

from __future__ import annotations

import cv2
import numpy as np  # noqa: F401  (its BLAS is one of the pools)
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from safebench.models.calling import load_detector


@pytest.fixture
def three_threads():
    """Of every library; given back at the end."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    with threadpool_limits(3):
        torch.set_num_threads(3)
        cv2.setNumThreads(3)
        yield
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


def blas() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_a_loaded_model_has_no_more_threads_than_torch(three_threads):
    assert blas() == {3}
    torch.set_num_threads(2)
    load_detector("splicebuster")
    assert max(blas()) <= 2
    assert cv2.getNumThreads() == 2


def test_what_was_given_fewer_keeps_fewer(three_threads):
    cv2.setNumThreads(1)
    with threadpool_limits(1, user_api="blas"):
        load_detector("splicebuster")
        assert blas() == {1}
    assert cv2.getNumThreads() == 1
