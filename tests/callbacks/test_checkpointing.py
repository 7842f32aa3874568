"""Trainings that are interrupted and go on: they end in the bits of those that were not."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interruptions import EndAfter, Gone
from saved_models import mutated, rewrite_description
from support import Planted

from slidelearn import CheckpointError, SlideClassifier
from slidelearn.callbacks import Callback, Checkpointing, latest_checkpoint
from slidelearn.callbacks.checkpointing import checkpoints
from slidelearn.files.atomic import digest_of
from slidelearn.fitting import beginning as fitting
from slidelearn.fitting import pilot
from slidelearn.interrupts import Terminated
from slidelearn.model.snapshot import load_snapshot
from slidelearn.progress import Progress
from slidelearn.ranking import blending

LSH = {"n_tables": 4, "hashes_per_table": 4, "lsh_candidates": 20, "min_active": 25, "rebuild_every": 7}
KINDS: dict[str, dict[str, Any]] = {
    "recipe": {"n_epochs": 2, "n_networks": 2, "batch_size": 64},
    "ensemble": {"n_epochs": 2, "n_models": 2, "batch_size": 64},
    "without ranker": {"n_epochs": 2, "ranker": False, "sampler": "batch+memory", "batch_size": 64},
    "paper": {"preset": "paper", "n_epochs": 2, "batch_size": 40, **LSH},
    "moments of 16 bits": {"preset": "paper", "n_epochs": 2, "batch_size": 40, "state_precision": "bf16", **LSH},
    "redrawn": {"preset": "paper", "n_epochs": 1, **LSH, "batch_size": 16, "redraw_every": 2, "bucket_size": 8},
    "incremental": {"preset": "paper", "n_epochs": 1, **LSH, "batch_size": 16, "incremental_codes": True},
    "sampled hidden layer": {
        "preset": "paper",
        **LSH,
        "batch_size": 40,
        "n_epochs": 2,
        "hidden_sizes": (16, 24),
        "hidden_active": (0, 8),
        "hash_family": "dwta",
        "bin_size": 4,
        "sampler": "lsh+memory+uniform",
    },
    "cosine": {"n_epochs": 2, "learning_rate_schedule": "cosine", "warmup_fraction": 0.3, "batch_size": 64},
}


@pytest.fixture(scope="module")
def few(planted: Planted) -> Planted:
    """Enough of them for a ranker that is trained twice."""
    return Planted(planted.X[:320], planted.Y[:320], planted.X_test[:100], planted.Y_test[:100])


@pytest.fixture(autouse=True)
def _no_waiting_for_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)


def classifier(kind: str = "recipe", **options: Any) -> SlideClassifier:
    return SlideClassifier(**{"hidden_sizes": (16,), "n_jobs": 1, **KINDS[kind], **options})


def assert_same_models(a: SlideClassifier, b: SlideClassifier) -> None:
    for (name, x), (same_name, y) in itertools.zip_longest(a.named_arrays(), b.named_arrays()):
        assert name == same_name
        np.testing.assert_array_equal(x, y, err_msg=name)
    assert a._model.rng.bit_generator.state == b._model.rng.bit_generator.state
    assert a.config_ == b.config_
    for name, value in a.training_.items():
        if not name.endswith("seconds"):
            assert value == b.training_[name], name


def interrupt(clf: SlideClassifier, data: Planted, after: int, directory: Path, **options: Any) -> None:
    kept = Checkpointing(directory, **{"every_steps": 1, **options})
    with pytest.raises(Gone):
        clf.fit(data.X, data.Y, callbacks=[EndAfter(after), kept])


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_training_ends_in_the_same_bits(kind: str, few: Planted, tmp_path: Path) -> None:
    whole = classifier(kind).fit(few.X, few.Y)
    steps = whole.training_["n_steps"] * len(whole.networks_)
    points = (1, steps // 2 + 1) if whole.ranker_ else (1, 2, steps // 2 - 1, steps // 2, steps // 2 + 1, steps)
    for first in points:
        directory = tmp_path / str(first)
        interrupt(classifier(kind), few, first, directory)
        resumed = classifier(kind).fit(few.X, few.Y, resume_from=directory)
        assert_same_models(resumed, whole)


def test_at_any_number_of_threads(few: Planted, tmp_path: Path) -> None:
    whole = classifier("paper").fit(few.X, few.Y)
    interrupt(classifier("paper", n_jobs=4), few, 7, tmp_path)
    assert_same_models(classifier("paper", n_jobs=2).fit(few.X, few.Y, resume_from=tmp_path), whole)


def test_without_determinism(few: Planted, tmp_path: Path) -> None:
    options = {"deterministic": False, "learning_rate": 0.02, "n_jobs": 2}
    interrupt(classifier("without ranker", **options), few, 5, tmp_path)
    resumed = classifier("without ranker", **options).fit(few.X, few.Y, resume_from=tmp_path)
    assert resumed.training_["n_steps"] == 10
    assert resumed.score(few.X, few.Y) > 0.3


def test_seconds_before_an_interruption_count(few: Planted, tmp_path: Path) -> None:
    options = {"max_seconds": 1000.0, "n_networks": 1}
    interrupt(classifier(**options), few, 3, tmp_path, keep=1)
    checkpoint = checkpoints(tmp_path)[0]
    rewrite_state(checkpoint, lambda state: state.update(seconds=400.0))
    resumed = classifier(**options).fit(few.X, few.Y, resume_from=tmp_path)
    assert 400 < resumed.training_["train_seconds"] < 500
    assert resumed.training_["plans"]
    rewrite_state(checkpoint, lambda state: state.update(seconds=1000.0))
    late = classifier(**options).fit(few.X, few.Y, resume_from=tmp_path)
    assert late.training_["n_steps"] == 3  # the step after which the time was seen to be over


def test_interrupted_again_and_again(few: Planted, tmp_path: Path) -> None:
    whole = classifier().fit(few.X, few.Y)
    interrupt(classifier(), few, 2, tmp_path)
    for after in (5, 6, 11):
        with pytest.raises(Gone):
            classifier().fit(
                few.X,
                few.Y,
                callbacks=[EndAfter(after), Checkpointing(tmp_path, every_steps=2)],
                resume_from=tmp_path,
            )
    resumed = classifier().fit(few.X, few.Y, resume_from=tmp_path)
    assert_same_models(resumed, whole)


def test_an_ended_training_is_not_trained_again(few: Planted, tmp_path: Path) -> None:
    """What is left after the last step, such as the ranker, is all that is done."""

    class NoSteps(Callback):
        def on_step(self, progress: Progress) -> None:
            raise AssertionError

    whole = classifier().fit(few.X, few.Y, callbacks=[Checkpointing(tmp_path)])
    again = classifier().fit(few.X, few.Y, resume_from=tmp_path, callbacks=[NoSteps()])
    assert_same_models(again, whole)


class CtrlC(Callback):
    """Pressed while shortlists are made."""

    def on_shortlists(self, n_done: int, n_samples: int) -> None:
        raise KeyboardInterrupt


class CtrlCInTrial(Callback):
    def on_trial(self, option: str, value: object) -> None:
        raise KeyboardInterrupt


@pytest.mark.parametrize("phase", ["shortlists", "classifiers", "refinement"])
def test_interrupted_after_the_last_step(
    phase: str, few: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the rehearsal nor a step is done again."""
    whole = classifier().fit(few.X, few.Y)
    rehearsed = fitting.rehearse

    def rehearse_undisturbed(*arguments: Any, **options: Any) -> Any:
        found = rehearsed(*arguments, **options)
        name = {
            "classifiers": "slidelearn.ranking.ranker.Classifiers.trained",
            "refinement": "slidelearn.ranking.settled.replace",
        }
        if phase in name:
            patch.setattr(name[phase], ctrl_c)
        return found

    def ctrl_c(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "rehearse", rehearse_undisturbed)
        callbacks = [*([CtrlC()] if phase == "shortlists" else []), Checkpointing(tmp_path)]
        with pytest.raises(KeyboardInterrupt):
            classifier().fit(few.X, few.Y, callbacks=callbacks)
    assert int(checkpoints(tmp_path)[-1].name[5:]) == whole.training_["n_steps"] * 2
    monkeypatch.setattr(fitting, "rehearse", None)
    monkeypatch.setattr("slidelearn.training.trainer.Trainer._step", None)
    assert_same_models(classifier().fit(few.X, few.Y, resume_from=tmp_path), whole)


def test_interrupted_before_the_first_step(few: Planted, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        classifier().fit(few.X, few.Y, callbacks=[CtrlCInTrial(), Checkpointing(tmp_path)])
    with pytest.raises(CheckpointError, match="has no checkpoint to resume from: train from the start"):
        classifier().fit(few.X, few.Y, resume_from=tmp_path)


def test_the_pilot_is_not_run_again(few: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, number in {"N_SAMPLES": 300, "LEAST_SAMPLES": 300, "LEAST_PER_LABEL": 0.0}.items():
        monkeypatch.setattr(pilot, name, number)
    whole = classifier("without ranker", sampler=None).fit(few.X, few.Y)
    assert whole.training_["pilot"]
    interrupt(classifier("without ranker", sampler=None), few, 3, tmp_path)
    monkeypatch.setattr(pilot, "SAMPLERS", ())
    resumed = classifier("without ranker", sampler=None).fit(few.X, few.Y, resume_from=tmp_path)
    assert_same_models(resumed, whole)


def as_names(Y: Any) -> list[list[str]]:
    return [[f"label {label}" for label in row.indices] for row in Y]


@pytest.mark.parametrize("form", ["names", "few names", "classes"])
def test_what_the_estimator_adds_survives(
    form: str, few: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Classes and names, standards of dense features, weights, and what a rehearsal found, which is not held again."""
    monkeypatch.setattr(blending, "LEAST_RIGHT", 20)
    n = 80 if form == "few names" else 320
    X, y = few.X[:n].toarray() + 1, as_names(few.Y[:n])
    if form == "classes":
        y = np.array([names[0] for names in y])
    weights = 1.0 + np.arange(n) % 3
    weights[:5] = 0

    def made() -> SlideClassifier:
        return SlideClassifier(hidden_sizes=(16,), n_epochs=2, batch_size=64, n_jobs=1, objective="tail")

    whole = made().fit(X, y, weights)
    assert whole._model.standards
    assert (whole.training_["n_held_out"] > 0) == (n == 320)
    assert whole.threshold_ if form != "classes" else whole.threshold_ is None
    with pytest.raises(Gone):
        made().fit(X, y, weights, callbacks=[EndAfter(3), Checkpointing(tmp_path, every_steps=1)])
    loaded = SlideClassifier.load(checkpoints(tmp_path)[-1])
    np.testing.assert_array_equal(loaded.classes_, whole.classes_)
    assert type(loaded.predict(X[:2])) is type(y)
    monkeypatch.setattr(fitting, "rehearse", None)
    resumed = made().fit(X, y, weights, resume_from=tmp_path)
    assert_same_models(resumed, whole)
    np.testing.assert_array_equal(resumed.classes_, whole.classes_)
    assert resumed.threshold_ == whole.threshold_
    for other in (None, weights + (weights == 2)):
        with pytest.raises(CheckpointError, match="was made with other samples than these"):
            made().fit(X, y, other, resume_from=tmp_path)


def test_a_checkpoint_is_a_model(few: Planted, tmp_path: Path) -> None:
    interrupt(classifier(), few, 5, tmp_path)
    latest = latest_checkpoint(tmp_path)
    assert latest
    assert latest.name == "step-00000004"
    clf = SlideClassifier.load(latest)
    assert clf.score(few.X_test, few.Y_test) > 0.1


def test_looking_at_a_training_does_not_change_it(few: Planted, tmp_path: Path) -> None:
    """Answers must leave the tables as training has them."""
    clf = classifier("sampled hidden layer")

    class Ask(Callback):
        def on_step(self, progress: Progress) -> None:
            clf.predict_topk(few.X_test[:10], 3)
            clf.predict_topk(few.X_test[:10], 3, method="lsh")

    clf.fit(few.X, few.Y, callbacks=[Ask(), Checkpointing(tmp_path, every_steps=3)])
    assert_same_models(clf, classifier("sampled hidden layer").fit(few.X, few.Y))


@pytest.mark.parametrize("keep", [1, 3])
def test_only_so_many_are_kept(few: Planted, tmp_path: Path, keep: int) -> None:
    (tmp_path / ".step-00000003.tmp").mkdir()  # left by a crash
    (tmp_path / "step-mine").mkdir()
    clf = classifier(n_networks=1)
    clf.fit(few.X, few.Y, callbacks=[Checkpointing(tmp_path, every_steps=4, keep=keep)])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *["step-00000004", "step-00000008", "step-00000010"][-keep:],
        "step-mine",
    ]


def test_a_crash_while_a_checkpoint_is_written_leaves_the_one_before(
    few: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = classifier().fit(few.X, few.Y)
    for n_calls in range(1, 10):
        directory, calls = tmp_path / str(n_calls), itertools.count(1)

        def crash(function: Callable[..., Any], calls: Any = calls, n_calls: int = n_calls) -> Callable[..., Any]:
            def maybe(*arguments: Any) -> Any:
                if next(calls) == n_calls + 9:  # in the second checkpoint, if there are nine calls to each
                    raise Gone
                return function(*arguments)

            return maybe

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", crash(os.fsync))
            patch.setattr(Path, "rename", crash(Path.rename))
            with pytest.raises(Gone):
                classifier().fit(few.X, few.Y, callbacks=[Checkpointing(directory, every_steps=3)])
        assert [path.name for path in checkpoints(directory)][-1] in ("step-00000000", "step-00000003")
        assert_same_models(classifier().fit(few.X, few.Y, resume_from=directory), whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_step_and_makes_a_checkpoint(
    number: signal.Signals, few: Planted, tmp_path: Path
) -> None:
    class Press(Callback):
        seen = 0

        def on_step(self, progress: Progress) -> None:
            Press.seen = progress.step
            if progress.step == 4:
                os.kill(os.getpid(), number)

    unheard = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    former = {one: signal.signal(one, handler) for one, handler in unheard.items()}
    try:
        whole = classifier("paper").fit(few.X, few.Y)
        with pytest.raises(Terminated if number == signal.SIGTERM else KeyboardInterrupt):
            classifier("paper").fit(few.X, few.Y, callbacks=[Press(), Checkpointing(tmp_path)])
        assert {one: signal.getsignal(one) for one in unheard} == unheard
    finally:
        for one, handler in former.items():
            signal.signal(one, handler)
    assert Press.seen == 4
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000000", "step-00000004"]
    assert_same_models(classifier("paper").fit(few.X, few.Y, resume_from=tmp_path), whole)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_epochs": 3}, "n_epochs is 3, but was 2"),
        (
            {"learning_rate": 0.2, "random_state": 1},
            "learning_rate is 0.2, but was 0.1; .*random_state is 1, but was 0",
        ),
        ({"shortlist_length": 40}, "shortlist_length is given, but was left open"),
        ({"n_networks": None}, "n_networks is 1, but was 2; n_networks is left open, but was given"),
    ],
)
def test_other_options_are_refused(options: dict[str, Any], message: str, few: Planted, tmp_path: Path) -> None:
    interrupt(classifier(), few, 1, tmp_path)
    with pytest.raises(CheckpointError, match=f"was made with other options: {message}"):
        classifier(**options).fit(few.X, few.Y, resume_from=tmp_path)


def test_other_samples_are_refused(few: Planted, tmp_path: Path) -> None:
    interrupt(classifier(), few, 1, tmp_path)
    X, Y = few.X.copy(), few.Y.copy()
    X.data[7] *= 1.5
    Y.indices[3] = (Y.indices[3] + 1) % 50
    for x, y in ((X, few.Y), (few.X, Y), (few.X[::-1], few.Y[::-1]), (few.X[:, 1:], few.Y)):
        with pytest.raises(CheckpointError, match="was made with other samples than these"):
            classifier().fit(x, y, resume_from=tmp_path)


def test_what_else_is_refused(few: Planted, trained: SlideClassifier, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="has no checkpoint to resume from"):
        classifier().fit(few.X, few.Y, resume_from=tmp_path / "nothing")
    trained.save(tmp_path / "model")
    with pytest.raises(CheckpointError, match="is a model, and no checkpoint of a training"):
        classifier().fit(few.X, few.Y, resume_from=tmp_path / "model")
    interrupt(classifier(), few, 1, tmp_path / "run")
    with pytest.raises(ValueError, match="has checkpoints of another training, such as step-00000000"):
        classifier().fit(few.X, few.Y, callbacks=[Checkpointing(tmp_path / "run")])
    for options in ({"every_steps": 0}, {"every_minutes": 0.0}, {"keep": 0}):
        name = next(iter(options))
        with pytest.raises(ValueError, match=f"{name} must be > ?=? ?"):
            Checkpointing(tmp_path, **options)


def rewrite_state(checkpoint: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a checkpoint's state as someone would who means harm: all digests are right again."""
    path = next(checkpoint.glob("training_state-*.json"))
    state = json.loads(path.read_text())
    change(state)
    content = json.dumps(state).encode()
    path.unlink()
    name = f"training_state-{digest_of(content)}.json"
    (checkpoint / name).write_bytes(content)
    rewrite_description(checkpoint, lambda description: description["documents"].update({"training_state.json": name}))


HOSTILE_VALUES = [None, -1, 0, 2**70, 1e300, "../x", "a\0b", [0], {"a": 1}]


@pytest.mark.parametrize(("kind", "parts"), [("recipe", ["origin"]), ("paper", ["", "counts"])])
def test_hostile_states_do_no_harm(kind: str, parts: list[str], few: Planted, tmp_path: Path) -> None:
    interrupt(classifier(kind), few, 3, tmp_path, keep=1)
    checkpoint = checkpoints(tmp_path)[0]
    state = json.loads(next(checkpoint.glob("training_state-*.json")).read_text())
    places = [
        (part, name) if part else (name,)
        for part in parts
        for name in (state[part] if part else state)
        if not name.endswith("seconds")
    ]
    n_refused = 0
    for place, value in itertools.product(places, HOSTILE_VALUES):

        def put(state: dict[str, Any], place: tuple[str, ...] = place, value: Any = value) -> None:
            *above, last = place
            for name in above:
                state = state[name]
            state[last] = value

        rewrite_state(checkpoint, lambda s: (s.clear(), s.update(json.loads(json.dumps(state)))))  # whole again
        rewrite_state(checkpoint, put)
        try:
            fitted = classifier(kind).fit(few.X, few.Y, resume_from=checkpoint)
            assert fitted.score(few.X, few.Y) >= 0
        except CheckpointError as error:
            n_refused += str(checkpoint) in str(error)
    assert n_refused > len(places) * len(HOSTILE_VALUES) // 2


def test_damaged_arrays_are_refused(few: Planted, tmp_path: Path) -> None:
    interrupt(classifier("paper"), few, 3, tmp_path, keep=1)
    checkpoint = checkpoints(tmp_path)[0]
    path = next(checkpoint.glob("training_arrays-*.safetensors"))
    whole, rng = path.read_bytes(), random.Random(0)
    for _ in range(200):
        damaged = mutated(whole, rng)
        path.write_bytes(damaged)
        if damaged != whole:
            with pytest.raises(CheckpointError, match="training_arrays"):
                load_snapshot(checkpoint)


def test_hostile_arrays_do_no_harm(few: Planted, tmp_path: Path) -> None:
    """Bytes changed anywhere in the arrays, tables among them, and all digests made right again."""
    interrupt(classifier("sampled hidden layer"), few, 9, tmp_path, keep=1)
    checkpoint = checkpoints(tmp_path)[0]
    whole, rng = next(checkpoint.glob("training_arrays-*.safetensors")).read_bytes(), random.Random(1)
    n_refused = 0
    for _ in range(200):
        damaged = mutated(whole, rng)
        name = f"training_arrays-{digest_of(damaged)}.safetensors"
        (checkpoint / name).write_bytes(damaged)
        rewrite_state(checkpoint, lambda state, name=name: state.update(arrays=name))
        try:
            classifier("sampled hidden layer").fit(few.X, few.Y, resume_from=checkpoint)
        except CheckpointError:
            n_refused += 1
    assert n_refused > 100
