from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import settings
from support import Planted, planted_samples

from slidelearn import SlideClassifier, kernels, load_dataset
from slidelearn.datasets import Dataset
from slidelearn.machine import calibrated_costs

pytest_plugins = ["optional_packages"]
settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def costs_of_the_package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Not those of the machine that runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(calibrated_costs.HOME, str(tmp_path_factory.mktemp("home")))
        yield


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


@pytest.fixture(scope="session")
def tiny() -> Dataset:
    """WordNet-Tiny: 2,589 training samples, 413 labels."""
    return load_dataset("wordnet-tiny")


@pytest.fixture
def trained(tiny: Dataset) -> SlideClassifier:
    """A small model of the recipe."""
    return SlideClassifier(hidden_sizes=(16,), n_epochs=1, n_jobs=1).fit(tiny.X_train, tiny.Y_train)
