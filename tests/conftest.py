from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from support import Planted, planted_samples

from slidelearn import kernels


@pytest.fixture(params=kernels.available_isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    former = kernels.isa_in_use()
    kernels.use_isa(request.param)
    yield request.param
    kernels.use_isa(former)


@pytest.fixture(params=[1, 2, 4])
def n_threads(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


@pytest.fixture(scope="session")
def planted() -> Planted:
    return planted_samples(np.random.default_rng(7))
