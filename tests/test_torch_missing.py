from __future__ import annotations

import importlib
import sys

import pytest


def test_without_torch_there_is_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("slidelearn.torch")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match=r"slidelearn.torch needs PyTorch: pip install 'slidelearn\[torch\]'"):
        importlib.import_module("slidelearn.torch")
