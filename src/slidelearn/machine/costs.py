"""What work takes on a machine, as far as slidelearn chooses by it: constants that go with every model."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Costs(BaseModel):
    """The constants of the cost models. The defaults are those of a core of an AMD EPYC (Zen 4)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    scanned_per_second: Annotated[float, Field(gt=0)] = 1.25e11
    """Multiplications of a thread that scans all labels for a batch of samples."""
    index_from: Annotated[int, Field(ge=1)] = 100_000
    """Labels from which on finding the best by an index is quicker than scanning all, in batches too."""
