"""What is imported, and when; and how a command ends that is interrupted meanwhile."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

import slidelearn
from slidelearn import SlideClassifier, write_xmc
from slidelearn.datasets import Dataset

FIT = """
import json, sys
import sklearn.base, sklearn.feature_extraction.text
before = list(sys.modules)
from slidelearn import SlideClassifier, load_dataset
data = load_dataset("wordnet-tiny")
SlideClassifier(n_epochs=1, n_jobs=1).fit(data.X_train, data.Y_train).predict_topk(data.X_test)
print(json.dumps([before, list(sys.modules)]))
"""
NEEDLESS = {"click", "matplotlib", "mlflow", "onnx", "optuna", "pandas", "pyarrow", "rich", "torch", "tqdm", "typer"}


def in_a_new_process(code: str) -> Any:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    return json.loads(done.stdout)


def test_a_fit_imports_nothing_needless(monkeypatch: pytest.MonkeyPatch) -> None:
    """What scikit-learn has brought before does not count: new releases look for rich."""
    monkeypatch.delenv("SLIDELEARN_HOME", raising=False)  # the place of the costs is to be found
    before, after = map(set, in_a_new_process(FIT))
    assert "slidelearn" in after
    assert not NEEDLESS & (after - before)


def test_the_package_imports_nothing_before_it_is_asked() -> None:
    code = "import json, sys, slidelearn; print(json.dumps(list(sys.modules)))"
    modules = in_a_new_process(code)
    assert "slidelearn" in modules
    assert not {"numpy", "scipy", "sklearn", "pydantic"} & set(modules)


def test_what_the_package_offers() -> None:
    """The names that type checkers see are those that there are."""
    tree = ast.parse(Path(slidelearn.__file__).read_text())
    seen = [alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(set(seen) - {"import_module", "find_spec", "TYPE_CHECKING"}) == slidelearn.__all__
    for name in slidelearn.__all__:
        assert getattr(slidelearn, name).__class__.__name__ != "module"
        assert name in dir(slidelearn)
    assert slidelearn.metrics.precision_at_k
    with pytest.raises(AttributeError, match="module 'slidelearn' has no attribute 'slide'"):
        slidelearn.slide  # noqa: B018


SCRIPT = """
import sys
sys.path.insert(0, {place!r})
from {module} import {function}
{function}()
"""


COMMAND = """
import json, sys
from slidelearn.__main__ import main
sys.argv = ["slidelearn", *{arguments!r}]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
finally:
    print()
    print(json.dumps([name for name in sys.modules if "." not in name]))
"""


def modules_of_command(*arguments: object) -> set[str]:
    code = COMMAND.format(arguments=[str(argument) for argument in arguments])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("train", "--help"), ("tune", "--help")])
def test_help_is_there_at_once(arguments: tuple[str, ...]) -> None:
    assert not {"numpy", "scipy", "sklearn"} & modules_of_command(*arguments)


def test_commands_that_need_no_scikit_learn_do_not_import_it(
    tiny: Dataset, trained: SlideClassifier, tmp_path: Path
) -> None:
    """It takes a second."""
    write_xmc(tmp_path / "test.txt", tiny.X_test, tiny.Y_test)
    trained.save(tmp_path / "model")
    for arguments in (
        ("info",),
        ("inspect", tmp_path / "model"),
        ("predict", tmp_path / "model", tmp_path / "test.txt"),
        ("convert", tmp_path / "test.txt", tmp_path / "test.svm"),
        ("data", "info", tmp_path / "test.txt"),
        ("convert", "--help"),
    ):
        assert "sklearn" not in modules_of_command(*arguments), arguments


def test_ctrl_c_while_libraries_are_imported_is_no_failure_to_explain(tmp_path: Path) -> None:
    """Before commands are known it is quiet; while one of them imports what it needs, it is interrupted."""
    for module, arguments, code, errors in (
        ("typer", [], -signal.SIGINT, ""),  # which shells have as 130
        ("numpy", ["info"], 130, "slidelearn: interrupted\n"),
    ):
        (tmp_path / module).mkdir()
        (tmp_path / module / f"{module}.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
        _check_end(tmp_path / module, arguments, code, errors)


def _check_end(place: Path, arguments: list[str], code: int, errors: str) -> None:
    (entry,) = entry_points(group="console_scripts", name="slidelearn")
    script = SCRIPT.format(place=str(place), module=entry.module, function=entry.attr)
    for command in (["-c", script], ["-m", "slidelearn"]):
        done = subprocess.run(
            [sys.executable, *command, *arguments],
            env={**os.environ, "PYTHONPATH": str(place)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        assert (done.returncode, done.stderr) == (code, errors)
