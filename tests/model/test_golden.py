"""Models and checkpoints that former versions wrote, as they lie in ``golden``: they are read, answer, and go on."""

from __future__ import annotations

import json
import random
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_models import KINDS, SMALL, samples
from saved_models import contents, mutated
from typer.testing import CliRunner

from slidelearn import CheckpointError, SlideClassifier
from slidelearn.cli import app
from slidelearn.model import description
from slidelearn.model.description import FORMAT_VERSION, Description
from slidelearn.model.files import inspect_model
from slidelearn.model.snapshot import load_snapshot

GOLDEN = Path(__file__).parent / "golden"

MODELS = sorted(path.relative_to(GOLDEN).as_posix() for path in GOLDEN.glob("format-*/*") if path.is_dir())
CHECKPOINTS = [name for name in MODELS if name.endswith("-checkpoint")]
WHOLE = [name for name in MODELS if name not in CHECKPOINTS]


def _samples(name: str) -> tuple[Any, Any]:
    """Those that a golden model was trained on."""
    return samples(Path(name).name.partition("-")[0])


def test_there_are_some_of_every_version() -> None:
    versions = {Description.read(GOLDEN / name).values["format_version"] for name in WHOLE}
    assert versions == set(range(1, FORMAT_VERSION + 1))
    assert len(WHOLE) == 33


def test_versions_have_what_they_were_raised_for() -> None:
    arrays = inspect_model(GOLDEN / "format-3" / "standardized")[1]
    assert {name for name in arrays if name.startswith(("standards.", "seen."))} == {
        "standards.means",
        "standards.deviations",
        "seen.label_counts",
        "seen.n_samples",
    }
    arrays = inspect_model(GOLDEN / "format-4" / "recipe-inference")[1]
    assert arrays["ranker.features"][1] == arrays["ranker.neighbours.indptr"][1] == np.uint8
    description, arrays = inspect_model(GOLDEN / "format-5" / "wide")
    assert (description["n_columns"], description["n_features"]) == (24_000, 24)
    assert arrays["known.features"] == ((24,), np.int32)
    arrays = inspect_model(GOLDEN / "format-6" / "ensemble")[1]
    assert arrays["member_2.ranker.blend"] == arrays["ranker.blend"]
    assert "member_2.ranker.neighbours.indptr" not in arrays
    assert inspect_model(GOLDEN / "format-6" / "refined")[1]["ranker.refinement.hidden"] == ((5, 32), np.float32)
    arrays = inspect_model(GOLDEN / "format-7" / "refined")[1]
    assert arrays["ranker.refinement.hidden"] == ((6, 32), np.float32)
    assert not {"ranker.curvatures", "ranker.judges.ids"} & arrays.keys()
    arrays = inspect_model(GOLDEN / "format-8" / "refined")[1]
    assert arrays["ranker.curvatures"] == arrays["ranker.weights"]
    assert arrays["ranker.judges.ids"][0] == arrays["ranker.judges.margins"][0]
    assert "ranker.curvatures" not in inspect_model(GOLDEN / "format-8" / "refined-inference")[1]


def test_the_models_of_a_former_ensemble_are_networks() -> None:
    for name in ("format-3/ensemble", "format-6/networks"):
        clf = SlideClassifier.load(GOLDEN / name)
        assert (clf.config_.n_models, clf.config_.n_networks, len(clf.networks_)) == (1, 2, 2)
        assert (clf.n_models, clf.n_networks) == (None, 2)


def test_moments_of_16_bits_are_as_they_were() -> None:
    """Read as the bits of bfloat16 that they are: as numbers they are the moments of small gradients."""
    for name in ("moments", "moments-checkpoint"):
        arrays = dict(SlideClassifier.load(GOLDEN / "format-3" / name).network_.named_arrays())
        m, v = ((arrays[f"output.{part}"].astype(np.uint32) << 16).view(np.float32) for part in ("m", "v"))
        assert (m != 0).mean() > 0.5
        assert np.abs(m).max() < 1
        assert 0 <= v.min() <= v.max() < 1
    shown = CliRunner().invoke(app, ["inspect", str(GOLDEN / "format-3" / "moments")]).stdout
    assert re.search(r"output\.m +bfloat16 ", shown)
    assert "uint16" not in shown


def test_a_reader_of_a_former_version_refuses_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(description, "FORMAT_VERSION", FORMAT_VERSION - 1)
    for name in (name for name in MODELS if name.startswith(f"format-{FORMAT_VERSION}/")):
        with pytest.raises(
            CheckpointError, match=rf"format_version must be in \[1, {FORMAT_VERSION - 1}\], but is {FORMAT_VERSION}"
        ):
            SlideClassifier.load(GOLDEN / name)


@pytest.mark.parametrize("name", WHOLE)
def test_a_model_answers_as_it_did(name: str) -> None:
    clf = SlideClassifier.load(GOLDEN / name, n_jobs=1)
    expected = json.loads((GOLDEN / f"{name}.json").read_text())
    ids, scores = clf.predict_topk(_samples(name)[0][:20], 3)
    # products of 16-bit floats, where the processor had them, in a hidden layer above the first
    tolerance = 0.05 if len(clf.config_.hidden_sizes) > 1 else 1e-3
    np.testing.assert_allclose(scores, expected["scores"], rtol=1e-3, atol=tolerance)
    assert np.mean(ids == expected["ids"]) > 0.95  # of equal scores, either may be first
    assert clf.documents_["labels.txt"].startswith("label 0\nlabel 1\n")


@pytest.mark.parametrize("name", [name for name in WHOLE if "inference" not in name])
def test_a_model_goes_on_learning_and_is_saved_anew(name: str, tmp_path: Path) -> None:
    clf = SlideClassifier.load(GOLDEN / name, n_jobs=1)
    X, Y = _samples(name)
    before = clf.score(X, Y)
    for _ in range(10):
        clf.partial_fit(X, Y)
    assert clf.score(X, Y) >= before
    clf.save(tmp_path / "model")
    assert Description.read(tmp_path / "model").values["format_version"] == FORMAT_VERSION
    assert SlideClassifier.load(tmp_path / "model").score(X, Y) == clf.score(X, Y)


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_an_interrupted_training_goes_on(name: str, tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / name, tmp_path / "step-00000006")
    X, Y = _samples(name)
    kind = Path(name).name.removesuffix("-checkpoint")
    resumed = SlideClassifier(**{**SMALL, **KINDS[kind]}).fit(X, Y, resume_from=tmp_path)
    whole = SlideClassifier(**{**SMALL, **KINDS[kind]}).fit(X, Y)
    assert resumed.training_["n_steps"] == whole.training_["n_steps"]
    np.testing.assert_allclose(resumed.network_.output.neurons.weights, whole.network_.output.neurons.weights, atol=0.1)


@pytest.mark.parametrize("name", MODELS)
def test_damage_anywhere_is_named_or_harmless(name: str, tmp_path: Path) -> None:
    """Some hundred damaged files in all: bits, bytes and pieces changed, left out, put in; ends cut off."""
    place, rng = tmp_path / "model", random.Random(name)
    shutil.copytree(GOLDEN / name, place)
    expected, n_refused = contents(SlideClassifier.load(place)), 0
    for path in sorted(place.iterdir()):
        whole = path.read_bytes()
        for _ in range(12):
            path.write_bytes(mutated(whole, rng))
            try:
                loaded = load_snapshot(place) if name in CHECKPOINTS else SlideClassifier.load(place)
            except CheckpointError as error:
                n_refused += str(place) in str(error)
            else:
                assert name in CHECKPOINTS or contents(loaded) == expected
        path.write_bytes(whole)
    assert n_refused >= 11 * len(list(place.iterdir()))


@pytest.mark.parametrize("name", MODELS)
def test_a_missing_file_is_named(name: str, tmp_path: Path) -> None:
    for path in sorted((GOLDEN / name).iterdir()):
        place = tmp_path / path.stem
        shutil.copytree(GOLDEN / name, place)
        (place / path.name).unlink()
        with pytest.raises(CheckpointError, match="has no config.json" if path.stem == "config" else path.name):
            load_snapshot(place) if name in CHECKPOINTS else SlideClassifier.load(place)
