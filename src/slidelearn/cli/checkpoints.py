"""The checkpoints of `slidelearn train`: which are kept, and how a training goes on from one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from slidelearn.callbacks import Checkpointing, latest_checkpoint
from slidelearn.files.paths import make_directory

CHECKPOINTS = "checkpoints"
"""Where a model's directory has those of its training, until it is finished."""
KEEP = 2


def checkpointing(
    out: Path | None, every_steps: int | None, every_minutes: float | None, keep: int | None, *, resume: bool
) -> Checkpointing | None:
    """What keeps checkpoints, if they are wanted; those that are there are not to be lost by mistake."""
    if every_minutes is not None and not every_minutes > 0:
        raise ValueError(f"--checkpoint-every-minutes must be > 0, but is {every_minutes}")
    is_wanted = bool(every_steps or every_minutes or resume)
    if keep and not is_wanted:
        raise ValueError("--keep needs --checkpoint-every-steps or --checkpoint-every-minutes")
    if not out:
        if is_wanted:
            raise ValueError("checkpoints and --resume need --out, in whose directory they are kept")
        return None
    directory = out / CHECKPOINTS
    if not resume and (latest := latest_checkpoint(directory)):
        raise ValueError(
            f"{directory} has checkpoints of a training that was interrupted, the latest {latest.name}: "
            "go on with it by --resume, or remove them to begin anew"
        )
    if not is_wanted:
        return None
    return Checkpointing(directory, every_steps=every_steps, every_minutes=every_minutes, keep=keep or KEEP)


def checkpoint_to_resume(console: Console, out: Path) -> Path | None:
    """The checkpoint to go on from; None where training was interrupted before there was one, or never began."""
    directory = out / CHECKPOINTS
    latest = latest_checkpoint(directory)
    if latest:
        console.print(f"going on from {latest}", soft_wrap=True)
    elif directory.exists():
        console.print("interrupted before the first checkpoint: training from the start", soft_wrap=True)
    elif (out / "config.json").exists():
        raise ValueError(f"{out} has a finished model, and no checkpoint to go on from: leave out --resume")
    else:
        console.print("no checkpoint to go on from: training from the start")
    return latest


@contextmanager
def saying_how_to_resume(kept: Checkpointing | None) -> Iterator[None]:
    """Have a directory for checkpoints from the beginning, by which `--resume` knows that a training has begun."""
    try:
        if kept:
            make_directory(kept.directory)
        yield
    except KeyboardInterrupt as interrupt:
        if not kept:
            raise
        latest = latest_checkpoint(kept.directory)
        how = f"goes on from {latest}" if latest else "begins anew, as there was no checkpoint yet"
        raise type(interrupt)(f"the same command with --resume {how}") from None


@contextmanager
def place_of_best(out: Path | None) -> Iterator[Path]:
    """Where the best network is while training goes on; with checkpoints, it must outlive an interruption."""
    if out:
        yield out / CHECKPOINTS / "best"
        shutil.rmtree(out / CHECKPOINTS / "best", ignore_errors=True)
    else:
        with tempfile.TemporaryDirectory() as directory:
            yield Path(directory)
