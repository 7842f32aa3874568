"""The rows of a head as PyTorch knows them: parameters for a user's optimizer or live views, and a module's state."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from slidelearn.kernels import Ids
from slidelearn.torch.engine import Engine
from slidelearn.torch.states import mistakes_in, put_arrays, take_arrays


class RowsModule(nn.Module):  # type: ignore[misc]
    """Holds an engine, and shows its rows as `weight` and `bias`.

    With ``update="torch"`` these are parameters, of which the active ones are copied to the engine, because the kernels
    want another layout; else they are views of the engine's rows.
    """

    def _hold(self, engine: Engine, update: str) -> None:
        """Take an engine, whose rows are as they are to start."""
        self._engine, self.update = engine, update
        self._answering: tuple[int, ...] = ()
        """Which state of `weight` and `bias` what answers need has been made of."""
        if update == "torch":
            rows = dict(engine.named_rows())
            self.weight, self.bias = (nn.Parameter(torch.tensor(rows[name])) for name in ("weight", "bias"))
        else:
            self._show_rows()

    def _show_rows(self) -> None:
        """Have `weight` and `bias` show the engine's rows."""
        rows = dict(self._engine.named_rows())
        self.weight, self.bias = torch.from_numpy(rows["weight"]), torch.from_numpy(rows["bias"])

    def _fetch(self, ids: Ids) -> None:
        """Copy rows that a user's optimizer moves to the engine."""
        if self.update == "torch":
            neurons, places = self._engine.layer.neurons, torch.from_numpy(ids).long()
            neurons.weights[ids] = self.weight.detach()[places].float().numpy()
            neurons.bias[ids] = self.bias.detach()[places].float().numpy()

    def _hand_over_weights(self) -> None:
        """Copy all weights of the engine to where a user's optimizer moves them."""
        if self.update == "torch":
            with torch.no_grad():
                self.weight.copy_(torch.from_numpy(self._engine.layer.neurons.weights))

    def _prepare_answers(self) -> None:
        """Look at the rows anew, if PyTorch has written to them since."""
        state = (self.weight.data_ptr(), self.weight._version, self.bias.data_ptr(), self.bias._version)
        if state == self._answering:
            return
        self._answering = state
        if self.update == "torch":
            rows = dict(self._engine.named_rows())
            torch.from_numpy(rows["weight"]).copy_(self.weight.detach())
            torch.from_numpy(rows["bias"]).copy_(self.bias.detach())
        self._engine.rows_changed()

    def _own_arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """What a state has beside parameters."""
        rows = dict(self._engine.named_rows()) if self.update == "own" else {}
        arrays = rows | dict(self._engine.active_sets.named_arrays())
        return {prefix + name: array for name, array in arrays.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if self.update == "own":
            self._show_rows()

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        put_arrays(destination, self._own_arrays(prefix))

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
        arrays = self._own_arrays(prefix)
        unexpected_keys[:] = [key for key in unexpected_keys if key not in arrays]
        if strict:
            missing_keys += [key for key in arrays if key not in state_dict]
        wrong = mistakes_in(state_dict, arrays)
        error_msgs += wrong
        if not wrong:
            take_arrays(state_dict, arrays)
            self._engine.active_sets.counts_changed()
            self._engine.rows_changed()
