from __future__ import annotations

import numpy as np
from scipy import sparse

from slidelearn.config import make_config
from slidelearn.features.prepared import prepare


def test_rows_have_length_1_and_large_values_count_for_less() -> None:
    prepared = prepare(sparse.csr_array([[9.0, 0.0, -16.0]]), make_config(feature_power=0.5), None).toarray()
    np.testing.assert_allclose(prepared, [[0.6, 0.0, -0.8]], rtol=1e-6)
