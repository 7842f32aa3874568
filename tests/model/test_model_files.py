from __future__ import annotations

import json
import os
import random
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from saved_models import (
    arrays_path,
    contents,
    files_of,
    loads_equal_or_refuses,
    mutated,
    rewrite_arrays,
    rewrite_description,
    rewrite_header,
)

from slidelearn import CheckpointError, SlideClassifier
from slidelearn.datasets import Dataset
from slidelearn.model import files
from slidelearn.model.description import FORMAT_VERSION


@pytest.fixture(scope="module")
def model(tiny: Dataset) -> SlideClassifier:
    options = {"preset": "paper", "hidden_sizes": (8, 8), "n_epochs": 1, "n_tables": 2, "hashes_per_table": 3}
    options |= {"ranker": True, "shortlist_length": 10, "answers": "index"}
    clf = SlideClassifier(**options, n_jobs=1).fit(tiny.X_train[:50], tiny.Y_train[:50])
    clf.documents_["labels.txt"] = "\n".join(tiny.label_names)
    return clf


@pytest.fixture
def saved(model: SlideClassifier, tmp_path: Path) -> Path:
    model.save(tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("which", ["config.json", "model-*.safetensors", "labels-*.txt"])
def test_a_file_damaged_anywhere_is_refused(which: str, saved: Path, model: SlideClassifier) -> None:
    path = next(saved.glob(which))
    whole, rng = path.read_bytes(), random.Random(0)
    for _ in range(200):
        damaged = mutated(whole, rng)
        path.write_bytes(damaged)
        assert loads_equal_or_refuses(saved, model) or damaged == whole or which == "config.json"


def test_hostile_headers_do_no_harm(saved: Path, model: SlideClassifier) -> None:
    """Bytes of the arrays file's header changed, and all digests made right again."""
    whole, rng = arrays_path(saved).read_bytes(), random.Random(1)
    length = 8 + int.from_bytes(whole[:8], "little")
    for _ in range(300):
        rewrite_arrays(saved, mutated(whole[:length], rng) + whole[length:])
        loads_equal_or_refuses(saved, model)


HOSTILE_VALUES = [None, True, -1, 0, 1, 2**31, 2**63, 2**70, 1e300, "", "x", "../x", "a\0b", [], [0], {}, {"a": 1}]


MEMBERS = ["format", "format_version", "n_features", "n_labels", "n_steps", "inference_only", "arrays", "documents"]


@pytest.mark.parametrize("member", [*MEMBERS, "config", "random_state"])
def test_hostile_members_are_refused(member: str, saved: Path) -> None:
    original = (saved / "config.json").read_text()
    for value in HOSTILE_VALUES:
        if (member == "n_steps" and type(value) is int) or (member == "documents" and value == {}):
            continue  # another number of steps, or no documents, is no damage
        if member == "format_version" and value in (1, 2):
            continue
        (saved / "config.json").write_text(original)
        rewrite_description(saved, lambda description, value=value: description.update({member: value}))
        with pytest.raises(CheckpointError):
            SlideClassifier.load(saved)
    (saved / "config.json").write_text(original)
    rewrite_description(saved, lambda description: description.pop(member))
    with pytest.raises(CheckpointError):
        SlideClassifier.load(saved)


def test_hostile_options_do_no_harm(saved: Path, model: SlideClassifier, tiny: Dataset) -> None:
    """They are refused, or the model answers."""
    original = (saved / "config.json").read_text()
    for option in type(model.config_).model_fields:
        for value in HOSTILE_VALUES:
            (saved / "config.json").write_text(original)
            rewrite_description(
                saved, lambda description, option=option, value=value: description["config"].update({option: value})
            )
            try:
                loaded = SlideClassifier.load(saved)
            except CheckpointError:
                continue
            assert loaded.config_ == model.config_.model_copy(update={option: getattr(loaded.config_, option)})
            for method in ("auto", "lsh"):
                assert loaded.predict_topk(tiny.X_test[:2], 3, method=method)[0].shape == (2, 3)


@pytest.mark.parametrize("document", [None, 7, "../config.json", "labels.txt", "", ".", "a\0b", "/dev/zero"])
def test_hostile_documents_are_refused(document: Any, saved: Path) -> None:
    rewrite_description(saved, lambda description: description.update(documents={"labels.txt": document}))
    with pytest.raises(CheckpointError):
        SlideClassifier.load(saved)


def test_huge_claims_allocate_nothing(saved: Path) -> None:
    huge = 2**40

    def claim(description: dict[str, Any]) -> None:
        description.update(n_features=huge, n_labels=huge)
        description["config"].update(hidden_sizes=[8, huge])

    tracemalloc.start()
    for change_header in (lambda header: None, lambda header: header["input.weights"].update(shape=[huge, 8])):
        rewrite_header(saved, change_header)
        rewrite_description(saved, claim)
        with pytest.raises(CheckpointError):
            SlideClassifier.load(saved)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10e6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h.pop("output.bias"), "array 'output.bias' is missing"),
        (lambda h: h.pop("hidden_1.weights"), "array 'hidden_1.weights' is missing"),
        (lambda h: h.update(more=h["output.bias"]), "array 'more' is not part of such a model"),
        (lambda h: h["output.bias"].update(shape=[7, 59]), r"array 'output.bias' must have shape \(413,\)"),
        (lambda h: h["output.weights"].update(shape=[8, 413]), r"array 'output.weights' must have shape \(413, 8\)"),
        (lambda h: h["output.bias"].update(dtype="I32"), "array 'output.bias' must be float32, but is int32"),
        (lambda h: h["output.bias"].update(dtype="F16"), "array 'output.bias' does not lie within the file"),
        (lambda h: h["output.bias"].update(data_offsets=[0, 2**60]), "array 'output.bias' does not lie within"),
        (lambda h: h["output.bias"].update(shape=[-413]), "array 'output.bias' does not lie within"),
        (lambda h: h["output.bias"].update(shape=None), "array 'output.bias' does not lie within"),
    ],
)
def test_what_is_wrong_is_named(change: Callable[[dict[str, Any]], object], message: str, saved: Path) -> None:
    rewrite_header(saved, change)
    with pytest.raises(CheckpointError, match=message):
        SlideClassifier.load(saved)


def test_nan_is_refused(saved: Path) -> None:
    content = bytearray(arrays_path(saved).read_bytes())
    begin = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["output.bias"]["data_offsets"][0]
    place = 8 + int.from_bytes(content[:8], "little") + begin
    content[place : place + 4] = np.float32("nan").tobytes()
    rewrite_arrays(saved, bytes(content))
    with pytest.raises(CheckpointError, match=r"array 'output.bias' must be finite, but has NaN or infinity"):
        SlideClassifier.load(saved)


def test_another_version_is_refused(saved: Path) -> None:
    rewrite_description(saved, lambda description: description.update(format_version=FORMAT_VERSION + 1))
    with pytest.raises(
        CheckpointError, match=rf"format_version must be in \[1, {FORMAT_VERSION}\], but is {FORMAT_VERSION + 1}"
    ):
        SlideClassifier.load(saved)


@pytest.mark.parametrize(
    ("option", "missing"), [("n_models", "member_2.input.weights"), ("n_networks", "network_4.input.weights")]
)
def test_networks_that_are_not_in_the_file_are_missing(option: str, missing: str, saved: Path) -> None:
    """Before there is room for them."""
    rewrite_description(saved, lambda description: description["config"].update({option: 64}))
    with pytest.raises(CheckpointError, match=f"array '{missing}' is missing"):
        SlideClassifier.load(saved)


def test_what_is_not_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is not a model: it has no config.json"):
        SlideClassifier.load(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(CheckpointError, match="is not of a slidelearn model"):
        SlideClassifier.load(tmp_path)
    (tmp_path / "config.json").write_text("[" * 100_000)
    with pytest.raises(CheckpointError, match="cannot be read"):
        SlideClassifier.load(tmp_path)


@pytest.mark.parametrize("fail_at", range(1, 16))
def test_a_crash_while_saving_leaves_the_old_model_or_the_new(
    fail_at: int, saved: Path, model: SlideClassifier, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = SlideClassifier(hidden_sizes=(8,), n_epochs=1, n_jobs=1).fit(tiny.X_train[:50], tiny.Y_train[:50])
    newer.documents_["notes.txt"] = "newer"
    calls = 0

    def crash_in_time(function: Callable[..., Any]) -> Callable[..., Any]:
        def maybe(*args: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == fail_at:
                raise OSError("the power is gone")
            return function(*args)

        return maybe

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", crash_in_time(os.fsync))
        patch.setattr(Path, "replace", crash_in_time(Path.replace))
        try:
            newer.save(saved)
        except OSError:
            there = contents(SlideClassifier.load(saved))
            assert there in (contents(model), contents(newer))
        else:
            assert calls < fail_at
    newer.save(saved)  # clears up
    assert contents(SlideClassifier.load(saved)) == contents(newer)
    assert sorted(path.name.partition("-")[0] for path in saved.iterdir()) == [
        "config.json",
        "history",
        "label_counts",
        "model",
        "notes",
        "parameters",
        "targets",
    ]


def test_a_model_that_is_replaced_while_it_is_read(
    saved: Path, model: SlideClassifier, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = SlideClassifier(hidden_sizes=(8,), n_epochs=1, n_jobs=1).fit(tiny.X_train[:50], tiny.Y_train[:50])
    read_document, saves = files._read_document, [other, model]

    def read_too_late(path: Path) -> str:
        if saves:
            saves.pop().save(saved)
            saves.pop().save(saved)
        return read_document(path)

    monkeypatch.setattr(files, "_read_document", read_too_late)
    assert contents(SlideClassifier.load(saved)) == contents(other)


def test_who_saves_waits_for_who_is_saving(
    model: SlideClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, calls = tmp_path / "model", list[str]()
    write_arrays = files.write_arrays
    second = threading.Thread(target=lambda: model.save(directory, inference_only=True), name="second")

    def write(*arguments: Any) -> None:
        me = threading.current_thread().name
        calls.append(f"{me} writes")
        if me != "second":
            second.start()
            time.sleep(0.2)  # enough for the second to come in, if it could
        write_arrays(*arguments)
        calls.append(f"{me} has written")

    monkeypatch.setattr(files, "write_arrays", write)
    model.save(directory)
    second.join()
    me = threading.current_thread().name
    assert calls == [f"{me} writes", f"{me} has written", "second writes", "second has written"]
    SlideClassifier.load(directory)


def test_only_files_of_the_model_are_removed(saved: Path, model: SlideClassifier) -> None:
    for name in ("model-card.md", "notes-0123456789abcdef.txt", "labels-old.txt", "mine.tmp"):
        (saved / name).write_text("mine")
    (saved / "model-0123456789abcdef.safetensors").write_text("left by a crash")
    (saved / "model.safetensors.tmp").write_text("left by a crash")
    before = set(saved.iterdir())
    model.save(saved)
    gone = {path.name for path in before - set(saved.iterdir())}
    assert gone == {"model-0123456789abcdef.safetensors", "model.safetensors.tmp"}


def test_the_arrays_file_is_one_that_safetensors_reads(saved: Path, model: SlideClassifier) -> None:
    arrays = load_file(arrays_path(saved))
    expected = dict(model.named_arrays())
    assert arrays.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(arrays[name], array, name)


def test_equal_models_are_equal_files(saved: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    SlideClassifier.load(saved).save(again)
    assert files_of(saved) == files_of(again)


def test_inspect_reads_no_arrays(saved: Path) -> None:
    description, arrays = files.inspect_model(saved)
    assert description["n_labels"] == 413
    assert arrays["output.weights"] == ((413, 8), np.dtype(np.float32))


def test_a_link_to_nowhere_is_told(tmp_path: Path, trained: SlideClassifier) -> None:
    """The system only says that the file exists."""
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    told = f"must be a directory, but {tmp_path / 'link'} is a link to {tmp_path / 'nowhere'}, which is not there"
    for place in (tmp_path / "link", tmp_path / "link" / "model"):
        with pytest.raises(ValueError, match=told):
            files.require_place(place, 1)
        with pytest.raises(ValueError, match=told):
            trained.save(place)


def test_a_place_where_no_model_can_be_saved_is_refused(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.require_place(tmp_path / "new" / "model", 1)
    files.require_place(saved, 1)
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "model"):
        with pytest.raises(ValueError, match=f"{place} must be a directory, but {tmp_path / 'file'} is a file"):
            files.require_place(place, 1)
    with pytest.raises(ValueError, match="MB are free there"):
        files.require_place(saved, 10**18)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="move what is there out of the way"):
        files.require_place(tmp_path, 1)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ValueError, match="cannot be written"):
        files.require_place(saved, 1)


def test_moments_of_16_bits_are_saved_as_they_are(tiny: Dataset, tmp_path: Path) -> None:
    options = {"preset": "paper", "hidden_sizes": (8,), "n_epochs": 1, "sampler": "full", "active_set": "shared"}
    clf = SlideClassifier(**options, state_precision="bf16", n_jobs=1).fit(tiny.X_train[:300], tiny.Y_train[:300])
    clf.save(tmp_path / "model")
    arrays = load_file(arrays_path(tmp_path / "model"))
    for name in ("output.m", "output.v", "input.m"):
        assert arrays[name].dtype == np.uint16
        assert len(np.unique(arrays[name])) > 100
    loaded = SlideClassifier.load(tmp_path / "model")
    assert contents(loaded) == contents(clf)
    for each in (clf, loaded):
        each.partial_fit(tiny.X_train[300:400], tiny.Y_train[300:400])
    assert contents(loaded)[0] == contents(clf)[0]


def test_infinity_among_moments_of_16_bits_is_refused(tiny: Dataset, tmp_path: Path) -> None:
    options = {"preset": "paper", "hidden_sizes": (8,), "n_epochs": 1, "state_precision": "bf16"}
    clf = SlideClassifier(**options, n_jobs=1).fit(tiny.X_train[:50], tiny.Y_train[:50])
    dict(clf.named_arrays())["output.v"][3, 5] = 0x7F80
    clf.save(tmp_path)
    with pytest.raises(CheckpointError, match=r"array 'output.v' must be finite, but has NaN or infinity"):
        SlideClassifier.load(tmp_path)
