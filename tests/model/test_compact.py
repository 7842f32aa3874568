"""Models that are saved for inference only: their arrays, their files, and what can be done with them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import QUICK, last_json, run
from saved_models import (
    arrays_path,
    contents,
    files_of,
    loads_equal_or_refuses,
    mutated,
    rewrite_arrays,
    rewrite_header,
)

from slidelearn import CheckpointError, SlideClassifier, write_xmc
from slidelearn.datasets import Dataset
from slidelearn.kernels import Float
from slidelearn.metrics import precision_at_k
from slidelearn.model import files
from slidelearn.model.compact import compact, compact_room, expand_numbers, expand_weights


@pytest.fixture(scope="module", params=["recipe", "paper"])
def model(tiny: Dataset, request: pytest.FixtureRequest) -> SlideClassifier:
    sizes = {"recipe": {"hidden_sizes": (32,)}, "paper": {"hidden_sizes": (32, 16), "hidden_active": (0, 8)}}
    lsh = {"n_tables": 5, "hashes_per_table": 3}
    clf = SlideClassifier(preset=request.param, **sizes[request.param], **lsh, ranker=True, n_epochs=2, n_jobs=1)
    clf.fit(tiny.X_train, tiny.Y_train)
    clf.documents_["labels.txt"] = "\n".join(tiny.label_names)
    return clf


@pytest.fixture
def saved(model: SlideClassifier, tmp_path: Path) -> Path:
    model.save(tmp_path / "model", inference_only=True)
    return tmp_path / "model"


def random_arrays(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Dense weights in more than one block, and sparse ones of which row 1 is empty."""
    sizes = 10.0 ** rng.uniform(-6, 6, (9000, 1))
    dense = (rng.standard_normal((9000, 5)) * sizes).astype(np.float32)
    dense[7] = 0.0
    indptr = np.array([0, 3, 3, 10])
    return {
        "output.weights": dense,
        "output.bias": rng.standard_normal(9000, np.float32),
        "ranker.indptr": indptr,
        "ranker.weights": rng.standard_normal(10, np.float32),
    }


def expanded(compacted: dict[str, np.ndarray], like: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    arrays = {name: array if name.endswith("bias") else np.empty_like(array) for name, array in like.items()}
    expand_numbers(compacted, arrays)
    expand_weights(compacted, arrays)
    return arrays


def test_weights_are_rounded_to_a_254th_of_the_largest_of_their_row(rng: np.random.Generator) -> None:
    arrays = random_arrays(rng)
    compacted = compact(arrays)
    assert {name: array.dtype.name for name, array in compacted.items()} == {
        "output.weights": "int8",
        "output.scales": "float32",
        "output.bias": "float32",
        "ranker.indptr": "uint8",
        "ranker.weights": "int8",
        "ranker.scales": "float32",
    }
    found = expanded(compacted, arrays)
    dense, sparse = arrays["output.weights"], arrays["ranker.weights"]
    largest = np.abs(dense).max(axis=1, keepdims=True)
    assert (np.abs(found["output.weights"] - dense) <= largest / 253.9).all()
    for row in (slice(0, 3), slice(3, 10)):
        assert (np.abs(found["ranker.weights"] - sparse)[row] <= np.abs(sparse[row]).max() / 253.9).all()


@pytest.mark.parametrize(("largest", "n_bytes"), [(0, 1), (255, 1), (256, 2), (65_536, 3), (2**31 - 1, 4)])
def test_numbers_take_as_many_bytes_as_the_largest_needs(largest: int, n_bytes: int) -> None:
    arrays = {
        "ranker.indptr": np.array([0, 7, largest + 7], np.int64),
        "ranker.features": np.array([largest, 0, 1], np.int32),
        "ranker.neighbours.labels": np.array([], np.int32),
    }
    compacted = compact(arrays)
    assert [compacted[name].shape for name in arrays] == [(3, n_bytes), (3, n_bytes), (0, 1)]
    for name, array in expanded(compacted, arrays).items():
        np.testing.assert_array_equal(array, arrays[name])


def test_numbers_of_former_versions_are_as_they_are() -> None:
    arrays = {"ranker.features": np.array([3, 1], np.int32)}
    assert compact_room(arrays, {"ranker.features": (2,)})["ranker.features"] is arrays["ranker.features"]


def test_rounded_weights_are_not_rounded_again(rng: np.random.Generator) -> None:
    arrays = random_arrays(rng)
    once = compact(arrays)
    twice = compact(expanded(once, arrays))
    for name, array in once.items():
        np.testing.assert_array_equal(twice[name], array, name)


@pytest.mark.parametrize("tiny_number", [1e-45, 1e-40, 1e-38])
def test_numbers_too_small_for_a_scale_do_no_harm(tiny_number: float) -> None:
    arrays: dict[str, Any] = {"output.weights": np.full((1, 3), tiny_number, np.float32)}
    found: Float = expanded(compact(arrays), arrays)["output.weights"]
    assert (np.abs(found) <= tiny_number).all()


def test_room_is_of_the_compact_form(rng: np.random.Generator) -> None:
    arrays = random_arrays(rng)
    compacted = compact(arrays)
    room = compact_room(arrays, {name: array.shape for name, array in compacted.items()})
    assert {n: (a.shape, a.dtype) for n, a in room.items()} == {n: (a.shape, a.dtype) for n, a in compacted.items()}
    assert room["output.bias"] is arrays["output.bias"]


def test_answers_are_as_good(saved: Path, model: SlideClassifier, tiny: Dataset) -> None:
    loaded = SlideClassifier.load(saved, n_jobs=1)
    for method in ("exact", "lsh"):
        before, _ = model.predict_topk(tiny.X_test, 5, method=method)
        after, _ = loaded.predict_topk(tiny.X_test, 5, method=method)
        assert (before == after).mean() > 0.9
        for k in (1, 3, 5):
            precisions = [precision_at_k(ids, tiny.Y_test, k) for ids in (before, after)]
            assert precisions[1] == pytest.approx(precisions[0], abs=0.01)
    assert loaded.score(tiny.X_test, tiny.Y_test) == pytest.approx(model.score(tiny.X_test, tiny.Y_test), abs=0.01)
    assert loaded.documents_ == model.documents_
    assert loaded.training_ == model.training_
    assert loaded.config_ == model.config_


def test_what_only_training_needs_is_left_out(saved: Path, model: SlideClassifier, tmp_path: Path) -> None:
    _, arrays = files.inspect_model(saved)
    for name in ("input.bias_v", "input.row_v", "output.m", "output.n_updates"):
        assert name not in arrays
    model.save(tmp_path / "whole")
    assert arrays_path(saved).stat().st_size < 0.55 * arrays_path(tmp_path / "whole").stat().st_size
    loaded = SlideClassifier.load(saved)
    assert loaded.network_.n_bytes <= model.network_.n_bytes
    assert not [name for name, _ in loaded.named_arrays() if name.endswith(("_v", ".m", ".v"))]


def test_saved_again_it_is_the_same_files(saved: Path, tmp_path: Path) -> None:
    loaded = SlideClassifier.load(saved)
    loaded.save(tmp_path / "again")
    assert files_of(saved) == files_of(tmp_path / "again")


def test_it_refuses_to_go_on_learning(saved: Path, tiny: Dataset) -> None:
    loaded = SlideClassifier.load(saved, n_jobs=1)
    before = contents(loaded)
    with pytest.raises(ValueError, match=r"inference_only cannot go on learning: train it again, and save it without"):
        loaded.partial_fit(tiny.X_train[:10], tiny.Y_train[:10])
    assert contents(loaded) == before
    loaded.set_params(n_epochs=1).fit(tiny.X_train[:50], tiny.Y_train[:50])  # from the start: a model like any other
    loaded.partial_fit(tiny.X_train[:10], tiny.Y_train[:10])


def test_the_commands(tiny: Dataset, tmp_path: Path) -> None:
    samples, whole, small = tmp_path / "samples.txt", tmp_path / "whole", tmp_path / "small"
    (tmp_path / "labels.txt").write_text("\n".join(tiny.label_names))
    write_xmc(samples, tiny.X_test, tiny.Y_test)
    quick = ("--labels", tmp_path / "labels.txt", *QUICK)
    run("train", samples, "--out", whole, *quick)
    trained = last_json(run("train", samples, "--out", small, "--inference-only", *quick, "--json"))
    expected = last_json(run("evaluate", whole, samples, "--json"))
    found = last_json(run("evaluate", small, samples, "--json"))
    assert found["model_mb"] == trained["model_mb"] < 0.6 * expected["model_mb"]
    assert [found[f"p@{k}"] for k in (1, 3, 5)] == pytest.approx([expected[f"p@{k}"] for k in (1, 3, 5)], abs=0.01)
    assert run("predict", small, samples, "--names").stdout.count("\n") == 608
    text = run("inspect", small).stdout
    for part in ("for inference only", "int8", "output.scales", "413 x 16", "6,608"):
        assert part in text


@pytest.mark.parametrize("which", ["config.json", "model-*.safetensors"])
def test_damage_is_found(which: str, saved: Path) -> None:
    path, whole, rng = next(saved.glob(which)), next(saved.glob(which)).read_bytes(), random.Random(0)
    expected = SlideClassifier.load(saved)
    for _ in range(50):
        damaged = mutated(whole, rng)
        path.write_bytes(damaged)
        assert loads_equal_or_refuses(saved, expected) or damaged == whole or which == "config.json"


def test_hostile_headers_do_no_harm(saved: Path) -> None:
    expected = SlideClassifier.load(saved)
    whole, rng = arrays_path(saved).read_bytes(), random.Random(1)
    length = 8 + int.from_bytes(whole[:8], "little")
    for _ in range(100):
        rewrite_arrays(saved, mutated(whole[:length], rng) + whole[length:])
        loads_equal_or_refuses(saved, expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h.pop("output.scales"), "array 'output.scales' is missing"),
        (lambda h: h["output.scales"].update(h["output.weights"]), r"'output.scales' must have shape \(413,\)"),
        (lambda h: h["output.weights"].update(dtype="U8"), "array 'output.weights' must be int8, but is uint8"),
        (lambda h: h.update({"output.row_v": h["output.bias"]}), "array 'output.row_v' is not part of such a model"),
    ],
)
def test_what_is_wrong_is_named(change: Callable[[dict[str, Any]], object], message: str, saved: Path) -> None:
    rewrite_header(saved, change)
    with pytest.raises(CheckpointError, match=f"model-.*{message}"):
        SlideClassifier.load(saved)


def test_a_scale_that_is_too_large_is_named(saved: Path, model: SlideClassifier) -> None:
    named = compact(dict(model._model.named_arrays(with_state=False)))
    whole, scales = arrays_path(saved).read_bytes(), named["output.scales"].tobytes()
    assert whole.count(scales) == 1
    rewrite_arrays(saved, whole.replace(scales, np.full(413, 3e38, np.float32).tobytes()))
    with pytest.raises(CheckpointError, match=r"model-.*: array 'output.scales' must be at most 2.\d*e\+36"):
        SlideClassifier.load(saved)


@pytest.mark.parametrize("name", ["indptr", "features", "neighbours.indptr", "neighbours.labels"])
def test_numbers_that_do_not_fit_are_named(name: str, saved: Path, model: SlideClassifier) -> None:
    whole, numbers = arrays_path(saved).read_bytes(), compact(dict(model._model.named_arrays()))[f"ranker.{name}"]
    assert whole.count(numbers.tobytes()) == 1
    for byte in (0, 255):
        damaged = numbers.copy()
        damaged[1] = byte
        rewrite_arrays(saved, whole.replace(numbers.tobytes(), damaged.tobytes()))
        if byte == 255 or "indptr" in name:
            with pytest.raises(CheckpointError, match=r"the arrays ranker\.(neighbours\.)?\* do not fit each other"):
                SlideClassifier.load(saved)
