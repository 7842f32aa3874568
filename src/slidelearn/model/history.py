"""The history of a training, compact enough to be saved with the model: curves over the steps, and what parts took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from slidelearn.files.atomic import CheckpointError

HISTORY = "history.json"
"""Its name among the documents of a model."""

Column = list[float | None]


class Curves(BaseModel):
    """Columns of equal length, by name; None where a row has no such value."""

    model_config = ConfigDict(extra="forbid")

    columns: dict[str, Column] = {}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len({len(column) for column in self.columns.values()}) > 1:
            raise ValueError("columns must be of equal length")
        return self

    @property
    def n_rows(self) -> int:
        """Length of every column."""
        return max((len(column) for column in self.columns.values()), default=0)

    def add(self, row: Mapping[str, float | None]) -> None:
        """One more row; six digits of it are kept."""
        n = self.n_rows
        for name, value in row.items():
            number = None if value is None or value != value else float(f"{value:.6g}")
            self.columns.setdefault(name, [None] * n).append(number)
        for column in self.columns.values():
            column.extend([None] * (n + 1 - len(column)))

    def known(self, x: str, y: str) -> tuple[list[float], list[float]]:
        """Two columns, in the rows that have a value in both."""
        pairs = zip(self.columns.get(x, ()), self.columns.get(y, ()), strict=False)
        rows = [(a, b) for a, b in pairs if a is not None and b is not None]
        return [a for a, _ in rows], [b for _, b in rows]


class NetworkHistory(BaseModel):
    """Of one network. The columns are those of `slidelearn.callbacks.rows`, and metrics of held-out samples."""

    model_config = ConfigDict(extra="forbid")

    n_steps: int
    """That were planned."""
    points: Curves = Field(default_factory=Curves)
    """Up to some hundred over the steps."""
    epochs: Curves = Field(default_factory=Curves)
    """One row each."""
    tables: Curves = Field(default_factory=Curves)
    """How evenly the output layer's hash tables are filled, after rebuilds: fields of `TableStats` by step."""
    phase_seconds: dict[str, float] = {}
    """Of the parts of a step, added up."""


class History(BaseModel):
    """Of a model's networks."""

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    networks: list[NetworkHistory] = []

    @classmethod
    def of(cls, documents: Mapping[str, str]) -> Self | None:
        """The history among the documents of a model; None where there is none.

        Raises
        ------
        CheckpointError
            If it is damaged.
        """
        if HISTORY not in documents:
            return None
        try:
            return cls.model_validate_json(documents[HISTORY])
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(map(str, problem["loc"]))
            raise CheckpointError(f"{HISTORY} is damaged: {place}: {problem['msg']}") from None
