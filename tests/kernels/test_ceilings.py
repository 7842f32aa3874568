from __future__ import annotations

import numpy as np
import pytest
from support import assert_twins_agree, random_floats

from slidelearn import kernels
from slidelearn.machine.ceilings import measure_ceilings


@pytest.mark.parametrize("n", [0, 1, 63, 500])
@pytest.mark.parametrize("width", [1, 16, 130])
def test_touch_rows(rng: np.random.Generator, n: int, width: int) -> None:
    assert_twins_agree(
        "touch_rows", random_floats(rng, 500, width), rng.permutation(500)[:n].astype(np.int32), n_terms=1
    )


def test_rows_that_are_not_there_or_twice_are_refused() -> None:
    rows = np.zeros((3, 4), np.float32)
    with pytest.raises(ValueError, match="ids must lie within the rows"):
        kernels.touch_rows(rows, np.array([3], np.int32), n_threads=1)
    with pytest.raises(ValueError, match="ids must be distinct"):
        kernels.touch_rows(rows, np.array([1, 1], np.int32), n_threads=1)


def test_operations_are_counted() -> None:
    for arithmetic in ("fp32", "bf16", "int8"):
        once, more = (kernels.multiply_registers(arithmetic, 10, n_threads=n) for n in (1, 3))
        assert more == 3 * once
    assert kernels.multiply_registers("fp32", 10, n_threads=1) > 0
    with pytest.raises(ValueError, match="arithmetic must be 'fp32', 'bf16' or 'int8', but is 'fp64'"):
        kernels.multiply_registers("fp64", 1, n_threads=1)


def test_ceilings_are_positive() -> None:
    ceilings = measure_ceilings(1)
    assert ceilings.fp32_flops > 0
    assert ceilings.row_bytes > 0
    assert ceilings.sequential_bytes > 0
