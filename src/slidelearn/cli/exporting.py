"""``slidelearn export``: a model in another form, its size, and how good it still is."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from slidelearn.cli.arguments import From, Json, LayoutSettings, Model, Quiet, Threads
from slidelearn.cli.display import make_console, print_json, print_table, size
from slidelearn.cli.places import require_file_place
from slidelearn.extras import import_extra

if TYPE_CHECKING:
    from slidelearn.estimator import SlideClassifier
    from slidelearn.matrices import FloatCsr

_KS = (1, 3, 5)
_TOP_K = 5


class Form(StrEnum):
    """What a model can be exported to."""

    inference = "inference"
    onnx = "onnx"
    hub = "hub"


_PACKAGES = {Form.inference: (), Form.onnx: ("onnx", "onnxruntime"), Form.hub: ("huggingface_hub",)}
"""What forms need, each with an extra of its name."""


class GraphInputs(StrEnum):
    """How features are handed to an ONNX graph."""

    sparse = "sparse"
    dense = "dense"


def export(
    model: Model,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A directory; for onnx, a file.", show_default=False)],
    to: Annotated[
        Form,
        typer.Option(
            "--to",
            help="inference: a third of the size, cannot go on learning. onnx: networks and top-k as one graph, "
            "without the ranker. hub: a folder for the Hugging Face Hub, with a model card; nothing is sent.",
        ),
    ] = Form.inference,
    test: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Samples to test both forms on.", show_default=False),
    ] = None,
    top_k: Annotated[
        int | None, typer.Option(min=1, help=f"Labels that an ONNX graph gives; {_TOP_K} if not given.")
    ] = None,
    inputs: Annotated[
        GraphInputs | None,
        typer.Option(
            help="Of an ONNX graph: padded ids and values, or dense rows. If not given: sparse, or dense for a model "
            "that standardises features.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the model card calls it.", show_default=False)] = None,
    from_format: From = None,
    layout: LayoutSettings = None,
    threads: Threads = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a model in another form: for inference only, as ONNX, or as a folder for the Hugging Face Hub."""
    from slidelearn.cli.inputs import Inputs
    from slidelearn.estimator import SlideClassifier
    from slidelearn.export import onnx_top_k, to_hub, to_onnx
    from slidelearn.export.hub import metrics_of
    from slidelearn.model.files import require_place

    console = make_console(json=json, quiet=quiet)
    if out.absolute() == model.absolute():
        raise ValueError(f"OUT must be another place than MODEL, which stays as it is, but both are {out}")
    _require_options_of(to, {Form.onnx: {"--top-k": top_k, "--inputs": inputs}, Form.hub: {"--name": name}})
    if to is Form.onnx:
        require_file_place("OUT", out, [test, model])
    elif out.suffix == ".onnx":
        raise ValueError(f"OUT is {out}, but --to {to} makes a directory: give --to onnx, or another name")
    for package in _PACKAGES[to]:
        import_extra(package, to, "slidelearn export")
    clf = SlideClassifier.load(model, n_jobs=threads)
    samples = None
    if test:
        read = Inputs.of(console, threads, from_format, layout).read_for("test", test, clf, model)
        assert read.X is not None
        samples = read.X, read.Y[:, : clf.n_labels_]
    before = _metrics(clf, samples)
    match to:
        case Form.inference:
            require_place(out, _n_bytes(model))
            clf.save(out, inference_only=True)
            after = _metrics(SlideClassifier.load(out, n_jobs=threads), samples)
        case Form.onnx:
            usual = GraphInputs.dense if clf.standards_ else GraphInputs.sparse
            to_onnx(clf, out, k=top_k or _TOP_K, inputs=(inputs or usual).value)
            after = metrics_of(clf, onnx_top_k(out, samples[0], n_jobs=threads)[0], samples[1]) if samples else {}
        case Form.hub:
            after = to_hub(clf, out, name=name, test=samples, tested_on=test.name if test else "")
    report = {"model": {"mb": _n_bytes(model) / 1e6} | before, to.value: {"mb": _n_bytes(out) / 1e6} | after}
    _print(make_console(json=json, quiet=json and quiet), report)
    console.print(f"wrote {out}", soft_wrap=True)
    if to is Form.onnx and clf.ranker_:
        console.print("The ranker is not in the graph: its labels are in the network's order.", soft_wrap=True)
    if json:
        print_json(report)


def _require_options_of(form: Form, options: Mapping[Form, Mapping[str, object]]) -> None:
    """Refuse options of another form, which would have no effect."""
    for of, given in options.items():
        for option, value in given.items():
            if value is not None and of is not form:
                raise ValueError(f"{option} is for --to {of}, but the model is exported --to {form}")


def _metrics(clf: SlideClassifier, samples: tuple[FloatCsr, FloatCsr] | None) -> dict[str, float]:
    from slidelearn.export.hub import metrics_of

    return metrics_of(clf, clf.predict_topk(samples[0], k=min(5, clf.n_labels_))[0], samples[1]) if samples else {}


def _n_bytes(place: Path) -> int:
    files = [place] if place.is_file() else place.iterdir()
    return sum(path.stat().st_size for path in files if path.is_file())


def _print(console: Console, report: Mapping[str, Mapping[str, float]]) -> None:
    """A line for each form: its size and its precision."""
    names = [f"p@{k}" for k in _KS if all(f"p@{k}" in values for values in report.values())]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for header in ("form", "size", *(name.upper() for name in names)):
        table.add_column(header, justify="left" if header == "form" else "right")
    for form, values in report.items():
        table.add_row(form, size(1e6 * values["mb"]), *(f"{100 * values[name]:.2f} %" for name in names))
    print_table(console, table)
