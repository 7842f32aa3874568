"""The command ``report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from slidelearn.cli.arguments import From, LayoutSettings, Model, Quiet, Threads, file_option
from slidelearn.cli.display import make_console
from slidelearn.cli.places import require_file_place
from slidelearn.extras import import_extra


def report(
    model: Model,
    test: Annotated[Path | None, file_option("Samples to test the model on; with them the page shows more.")] = None,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("report.html"),
    from_format: From = None,
    layout: LayoutSettings = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Write a page about a saved model: learning curves, accuracy by label frequency, tables, speed, mistakes."""
    from slidelearn.cli.inputs import Inputs
    from slidelearn.cli.measuring import measure
    from slidelearn.estimator import SlideClassifier
    from slidelearn.files.atomic import write_atomically
    from slidelearn.report import page

    console = make_console(quiet=quiet)
    require_file_place("--out", out, [test, model])
    import_extra("matplotlib", "plot", "slidelearn report")
    clf = SlideClassifier.load(model, n_jobs=threads)
    tested, measured, texts = None, None, None
    if test:
        samples = Inputs.of(console, threads, from_format, layout).read_for("test", test, clf, model)
        measured = measure(clf, samples, console)
        assert samples.X is not None
        tested, texts = (samples.X, samples.Y[:, : clf.n_labels_]), samples.texts
    with console.status("drawing"):
        content = page(clf, model.resolve().name, tested, measured, texts)
    write_atomically(out, content.encode())
    console.print(f"wrote {out}", soft_wrap=True)
