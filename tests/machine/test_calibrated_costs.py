from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slidelearn import SlideClassifier, calibration, kernels
from slidelearn.callbacks import Checkpointing
from slidelearn.datasets import Dataset
from slidelearn.files.atomic import digest_of
from slidelearn.machine import calibrated_costs
from slidelearn.machine.calibrated_costs import costs_here, keep_costs, place_of_costs
from slidelearn.machine.costs import Costs

OTHERS = Costs(scanned_per_second=1e9, index_from=300)
"""WordNet-Tiny has 413 labels: with these they are indexed."""
SMALL: dict[str, Any] = {"hidden_sizes": (16,), "n_epochs": 1, "n_jobs": 1, "pilot": False}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(calibrated_costs.HOME, str(tmp_path / "home"))
    return tmp_path / "home"


def test_without_a_file_those_of_the_package_hold(home: Path) -> None:
    assert costs_here() == (Costs(), None)
    assert not home.exists()


def test_what_is_kept_is_read(home: Path) -> None:
    path = keep_costs(OTHERS)
    assert costs_here() == (OTHERS, path)
    assert list(home.iterdir()) == [path]
    keep_costs(Costs())
    assert costs_here() == (Costs(), path)


def test_each_instruction_set_has_a_file_of_its_own(home: Path) -> None:
    keep_costs(OTHERS)
    former = kernels.isa_in_use()
    if former == "baseline":
        pytest.skip("this machine has one")
    kernels.use_isa("baseline")
    try:
        assert costs_here() == (Costs(), None)
    finally:
        kernels.use_isa(former)


def _with(**members: Any) -> Callable[[dict[str, Any]], object]:
    """A change of some members, the digest brought in line."""

    def change(content: dict[str, Any]) -> None:
        del content["digest"]
        content.update(members)
        content["digest"] = digest_of(json.dumps(content, sort_keys=True).encode())

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda content: content["costs"].update(index_from=1), "digest"),
        (lambda content: content.pop("digest"), "digest"),
        (_with(format_version=2), "should be 1"),
        (_with(format="other"), "slidelearn-costs"),
        (_with(processor="another"), "processor must be"),
        (_with(n_processors=10_000), "n_processors must be"),
        (_with(instruction_set="another"), "instruction_set must be"),
        (_with(costs={"scanned_per_second": 0.0, "index_from": 1}), "greater than 0"),
        (_with(costs={"scanned_per_second": float("inf"), "index_from": 1}), "finite"),
        (_with(costs={"scanned_per_second": 1.0, "index_from": "many"}), "integer"),
        (_with(costs=None), "Costs"),
        (_with(more=1), "not permitted"),
    ],
)
def test_a_file_that_is_damaged_or_of_another_machine_is_ignored(
    change: Callable[[dict[str, Any]], object], why: str, home: Path
) -> None:
    path = keep_costs(OTHERS)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.warns(UserWarning, match=rf"is ignored, .*{why}.*--calibrate") as told:
        assert costs_here() == (Costs(), None)
    assert str(path) in str(told[0].message)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"\xff\xfe", b'"costs"', b"[" * 100_000])
def test_what_is_no_such_file_is_ignored(content: bytes, home: Path) -> None:
    keep_costs(OTHERS).write_bytes(content)
    with pytest.warns(UserWarning, match="is ignored"):
        assert costs_here() == (Costs(), None)


def test_what_cannot_be_read_is_ignored(home: Path) -> None:
    place_of_costs().mkdir(parents=True)
    with pytest.warns(UserWarning, match="is ignored"):
        assert costs_here() == (Costs(), None)


def test_a_place_of_the_users_own_without_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    path = place_of_costs()
    monkeypatch.delenv(calibrated_costs.HOME)
    assert place_of_costs().name == path.name
    assert place_of_costs().parent != path.parent
    assert "slidelearn" in str(place_of_costs().parent).lower()


@pytest.mark.skipif(sys.platform == "win32", reason="users have a home there")
def test_a_user_without_a_home_has_no_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in containers that run under any number."""
    for name in (calibrated_costs.HOME, "HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)

    def unknown(_: int) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert costs_here() == (Costs(), None)


def test_a_model_keeps_the_costs_it_began_with(home: Path, tiny: Dataset, tmp_path: Path) -> None:
    def fit(**options: Any) -> SlideClassifier:
        return SlideClassifier(**SMALL, **options).fit(tiny.X_train, tiny.Y_train)

    plain = fit()
    assert plain.config_.costs == Costs()
    assert plain._model.members[0].index is None
    keep_costs(OTHERS)
    here = fit()
    assert here.config_.costs == OTHERS
    assert here._model.members[0].index is not None
    here.save(tmp_path / "here")
    place_of_costs().unlink()
    loaded = SlideClassifier.load(tmp_path / "here", n_jobs=1)
    for clf in (here, loaded):  # goes on as it began, where nothing is measured
        clf.partial_fit(tiny.X_test, tiny.Y_test)
        assert clf.config_.costs == OTHERS
    for one, other in zip(here.predict_topk(tiny.X_test), loaded.predict_topk(tiny.X_test), strict=True):
        np.testing.assert_array_equal(one, other)
    given = fit(costs=here.config_.costs)
    given.save(tmp_path / "given")
    again = SlideClassifier.load(tmp_path / "given", n_jobs=1)
    assert again.get_params()["costs"] == OTHERS.model_dump()
    assert again.config_.costs == OTHERS


def test_an_interrupted_training_goes_on_with_its_costs(home: Path, tiny: Dataset, tmp_path: Path) -> None:
    keep_costs(OTHERS)
    whole = SlideClassifier(**SMALL).fit(
        tiny.X_train, tiny.Y_train, callbacks=[Checkpointing(tmp_path / "checkpoints", every_steps=5)]
    )
    keep_costs(Costs())
    resumed = SlideClassifier(**SMALL).fit(tiny.X_train, tiny.Y_train, resume_from=tmp_path / "checkpoints")
    assert resumed.config_.costs == OTHERS
    for one, other in zip(whole.predict_topk(tiny.X_test), resumed.predict_topk(tiny.X_test), strict=True):
        np.testing.assert_array_equal(one, other)


def test_costs_against_their_rule(tiny: Dataset) -> None:
    for costs, rule in (({"index_from": 0}, "index_from.* must be >= 1"), (3, "a table"), ({"speed": 1}, "costs")):
        with pytest.raises(ValueError, match=rule):
            SlideClassifier(costs=costs).fit(tiny.X_train, tiny.Y_train)


def test_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "N_LABELS", (512, 2048))
    monkeypatch.setattr(calibration, "REPEATS", 1)
    costs = calibration.measure_costs()
    assert costs.scanned_per_second > 0
    assert costs.index_from >= 1


def test_scan_and_index_cross_where_they_take_as_long() -> None:
    def seconds(n_labels: int) -> tuple[float, float]:
        return 3e-9 * n_labels + 1e-5, 2e-6 * n_labels**0.5 + 5e-5

    crossing = calibration._crossing((1 << 15, 1 << 17), seconds(1 << 15), seconds(1 << 17))
    scan, index = seconds(round(crossing))
    assert scan == pytest.approx(index, rel=1e-4)
    # a busy machine may make no sense of it
    assert calibration._crossing((100, 200), (2.0, 1.0), (1.0, 1.0)) == Costs().index_from


def test_rounding_absorbs_what_differs_from_run_to_run() -> None:
    assert calibration._rounded(1.22e11) == calibration._rounded(1.3e11) == 1.26e11


def test_nothing_is_warned_of_without_need(home: Path, tiny: Dataset) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SlideClassifier(**SMALL).fit(tiny.X_train, tiny.Y_train)
