"""The hash families that there are."""

from __future__ import annotations

import numpy as np

from slidelearn.config import Config
from slidelearn.lsh.doph import Doph
from slidelearn.lsh.family import HashFamily
from slidelearn.lsh.simhash import SimHash
from slidelearn.lsh.wta import Dwta, Wta


def make_family(config: Config, n_inputs: int, rng: np.random.Generator) -> HashFamily:
    """The family that `config.hash_family` names, its functions drawn from `rng`.

    Raises
    ------
    ValueError
        If the vectors are too short for the family.
    """
    families: dict[str, type[SimHash | Wta | Dwta | Doph]] = {
        "simhash": SimHash,
        "wta": Wta,
        "dwta": Dwta,
        "doph": Doph,
    }
    return families[config.hash_family](n_inputs, config, rng)
