"""Every native verb has a NumPy twin of the same signature, and both are what the type stub says."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from slidelearn import kernels
from slidelearn.kernels import reference

NOT_OVER_ARRAYS = {"available_isas", "isa_in_use", "multiply_registers", "use_isa"}
STUB = Path(kernels.__file__).with_name("_native.pyi")
STUBBED = {node.name: node for node in ast.parse(STUB.read_text()).body if isinstance(node, ast.FunctionDef)}
VERBS = sorted(name for name in STUBBED if name not in NOT_OVER_ARRAYS)


def test_stub_reference_and_package_have_the_same_verbs() -> None:
    native = {name for name in dir(kernels._native) if not name.startswith("_")}
    assert native == set(STUBBED)
    assert native <= set(kernels.__all__)
    assert set(VERBS) == set(reference.__all__)


@pytest.mark.parametrize("name", VERBS)
def test_twins_have_the_signature_of_the_stub(name: str) -> None:
    twin = ast.parse(inspect.getsource(getattr(reference, name))).body[0]
    assert isinstance(twin, ast.FunctionDef)
    assert [a.arg for a in twin.args.args] == [a.arg for a in STUBBED[name].args.args]
    assert [a.arg for a in twin.args.kwonlyargs] == [a.arg for a in STUBBED[name].args.kwonlyargs]
    assert [ast.dump(d) for d in twin.args.defaults] == [ast.dump(d) for d in STUBBED[name].args.defaults]
    native = getattr(kernels, name).__doc__.split("->")[0]
    for argument in [*twin.args.args, *twin.args.kwonlyargs]:
        assert f"{argument.arg}: " in native
