from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """PyTorch's threads spin while they wait, in the way of whatever else the machine does."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def hidden() -> Any:
    from heads import N_SAMPLES, WIDTH, torch

    return torch.randn(N_SAMPLES, WIDTH, generator=torch.Generator().manual_seed(3)).requires_grad_()
