"""The picture that the tests of detectors' trainings begin with."""

from __future__ import annotations

import numpy as np
import pytest

from safebench.testing import inputs

SIDE = 64


@pytest.fixture(scope="module")
def photo():
    return inputs.photos(1, (SIDE, SIDE))[0]


@pytest.fixture
def hole():
    hole = np.zeros((SIDE, SIDE), bool)
    hole[20:44, 12:50] = True
    return hole
