"""Trainings that were interrupted, and go on from a checkpoint."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from slidelearn.callbacks.checkpointing import latest_checkpoint
from slidelearn.config import Config
from slidelearn.files.atomic import CheckpointError
from slidelearn.files.paths import to_path
from slidelearn.fitting.updating import changed_options
from slidelearn.labels.targets import Targets
from slidelearn.matrices import digest_of_samples
from slidelearn.model.documents import targets_of
from slidelearn.model.snapshot import Origin, Snapshot, load_snapshot
from slidelearn.sample_stream import SampleStream
from slidelearn.training.model_training import Began, ModelTraining
from slidelearn.training_set import TrainingSet


@dataclass(frozen=True)
class Interrupted:
    """A training that was interrupted."""

    path: Path
    """Its checkpoint."""
    snapshot: Snapshot

    @classmethod
    def read(cls, directory: str | Path) -> Interrupted:
        """The one of this checkpoint, or of the latest in this directory.

        Raises
        ------
        CheckpointError
            If there is none, or it is damaged.
        """
        directory = to_path(directory, "resume_from")
        path = directory if (directory / "config.json").exists() else latest_checkpoint(directory)
        if path is None:
            raise CheckpointError(
                f"{directory} has no checkpoint to resume from: train from the start, without resuming"
            )
        return cls(path, load_snapshot(path))

    @property
    def known_targets(self) -> Targets | None:
        """What labels are to the user, if a model was being trained once more; None: that follows from the samples."""
        model = self.snapshot.model
        return targets_of(model.documents, model.network.n_labels) if self._goes_on else None

    def resumed(
        self,
        given: Config,
        left_open: set[str],
        samples: TrainingSet,
        n_threads: int,
        began: Began,
        stream: SampleStream | None = None,
    ) -> ModelTraining:
        """Make the training ready to go on.

        Parameters
        ----------
        given, left_open, samples, n_threads, began, stream
            As in `slidelearn.fitting.beginning.begin`.

        Raises
        ------
        CheckpointError
            If it was made with other options or samples, or on a stream with another buffer, or on none.
        """
        model, state, origin = self.snapshot.model, self.snapshot.state, self._origin
        self._require_same_buffer(stream)
        self._require_same_options(given, left_open)
        digest = cache(lambda: stream.digest if stream else digest_of_samples(*samples))
        shape = (model.n_features, model.network.n_labels)
        n_features = stream.n_features if stream else samples.X.shape[1]
        if (n_features, samples.Y.shape[1]) != shape or digest() != state.data:
            raise CheckpointError(
                f"{self.path} was made with other samples than these: resume with the same, in the same order"
            )
        config = model.network.config
        if not stream:
            samples = samples._replace(X=model.prepared(samples.X))
        if self._goes_on:
            config = changed_options(config, given, left_open)
        began = Began(began.wall - state.seconds, began.cpu - state.cpu_seconds)
        deadline = began.wall + config.max_seconds if config.max_seconds and not self._goes_on else math.inf
        try:
            training = ModelTraining(
                model,
                samples,
                config,
                config.n_epochs,
                n_threads,
                began,
                origin=origin,
                digest=digest,
                deadline=deadline,
                stream=stream,
            )
            training.restore(self.snapshot)
        except (ValueError, TypeError) as error:
            raise CheckpointError(f"{self.path}: {error}") from None
        return training

    @property
    def _goes_on(self) -> bool:
        """Whether a trained model was being trained once more; it may have labels that the samples lack."""
        return self.snapshot.model.n_steps > 0

    @property
    def _origin(self) -> Origin:
        return self.snapshot.state.origin

    def _require_same_buffer(self, stream: SampleStream | None) -> None:
        then, now = self._origin.buffer_size, stream.buffer_size if stream else None
        if (then is None) != (now is None):
            where = ("of samples in memory", "of a stream")
            raise CheckpointError(
                f"{self.path} was made while learning {where[then is not None]}, and cannot go on with one "
                f"{where[now is not None]}: resume as it began"
            )
        if then != now:
            raise CheckpointError(
                f"{self.path} was made with buffer_size {then}, but it is {now}: resume with the same"
            )

    def _require_same_options(self, given: Config, left_open: set[str]) -> None:
        """Refuse other options than the checkpoint was made with, naming them; it may not know of new ones."""
        origin, now_given = self._origin, given.model_dump(mode="json")
        differing = [
            f"{name} is {value!r}, but was {origin.given.get(name)!r}"
            for name, value in now_given.items()
            if value != origin.given.get(name, value)
        ]
        for names, what, was in (
            (origin.left_open - left_open, "is given", "was left open"),
            (left_open - origin.left_open, "is left open", "was given"),
        ):
            known = names & now_given.keys() & origin.given.keys()
            differing += [f"{name} {what}, but {was}" for name in sorted(known)]
        if differing:
            raise CheckpointError(
                f"{self.path} was made with other options: {'; '.join(differing)}; resume with the same"
            )
