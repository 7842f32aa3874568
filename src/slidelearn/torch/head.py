"""`SlideOutput`: the wide output layer as a module of PyTorch. No maths here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from slidelearn.config import Config
from slidelearn.kernels import Float
from slidelearn.torch.active_sets import ActiveSets
from slidelearn.torch.arguments import (
    array_of_counts,
    array_of_hidden,
    array_of_sample_ids,
    check_size,
    config_of_head,
    rows_of_labels,
)
from slidelearn.torch.engine import Engine, Gradients, LossPass
from slidelearn.torch.loss import SlideLoss
from slidelearn.torch.rows_module import RowsModule


class SlideOutput(RowsModule):
    """A head and its loss for very many labels, computed over the few that matter for a batch.

    Takes the place of ``nn.Linear(in_features, n_labels)`` and ``nn.CrossEntropyLoss`` behind any encoder. The labels
    of a batch, and those that the samplers add, are the active set of all its samples; only their rows are read and
    moved.

    Parameters
    ----------
    in_features
        Width of the hidden vectors.
    n_labels
        Number of labels.
    update
        ``own``: the backward pass also takes the optimizer's step on the active rows. The head then has no parameters,
        and the user's optimizer is for the encoder alone. ``torch``: the head has the parameters `weight` and `bias`,
        with sparse gradients on the active rows, for ``torch.optim.SparseAdam``, ``SGD`` or ``Adagrad``.
    sampler
        What the active set consists of, beside the samples' own labels, joined by ``+``: ``batch``, the labels of the
        batch; ``uniform`` and ``frequency``, drawn labels; ``memory``, the wrong labels that scored highest for each
        sample when it was last seen; or ``full``, all labels. Batches of fewer than about a hundred labels should have
        drawn ones too.
    n_samples
        Training samples; the sampler ``memory`` and `label_counts` need it.
    label_counts
        (n_labels,) integers: training samples of each label, for the log-Q correction and the sampler ``frequency``.
        Without it, labels are counted as they come.
    logits, logit_scale, log_q_strength, loss, n_negatives, n_hard_negatives, frequency_power, precision
        As in `slidelearn.config.Config`; None: its default.
    optimizer, state_precision, learning_rate, beta_1, beta_2, epsilon
        The same, for ``update="own"``.
    random_state
        Seed of the first rows and of what is drawn.
    n_jobs
        Threads; None: as many as PyTorch uses (``torch.get_num_threads()``).

    Attributes
    ----------
    weight, bias : Tensor
        (n_labels, in_features) and (n_labels,) float32, in place: parameters, or live views of the head's own rows.
    learning_rate : float
        For ``update="own"``; set it anew for each step to follow a schedule.

    Notes
    -----
    With ``update="own"``, every backward pass through a loss, by ``backward`` or ``torch.autograd.grad``, is a step,
    even if the encoder's gradients are accumulated over several. A factor on the loss scales the gradients of the rows
    too, though Adagrad and Adam hardly react to that. In eval mode nothing is learned: no step, no counts, no memory.

    Hidden vectors may be of any floating dtype, under ``torch.autocast`` too. The head's own rows stay float32 on the
    CPU, whatever ``.to()`` or ``.half()`` do to the rest of a model. With ``torch.amp.GradScaler`` choose
    ``update="torch"``: with ``"own"``, the head would take the scale for a part of the loss.

    ``torch.compile`` breaks the graph around the head, because a compiler must not reorder what the backward pass
    writes. A head belongs to one process: ``DistributedDataParallel`` does not synchronise the rows of several. Several
    threads may use a head at once; their steps come one after another.

    ``state_dict()`` holds copies of the rows, the state of the head's optimizer, the label counts and the memory:
    loaded into a head with the same arguments, training goes on bit for bit. The learning rate is not part of it.

    Examples
    --------
    >>> import torch
    >>> from slidelearn.torch import SlideOutput
    >>> encoder, head = torch.nn.Linear(20, 8), SlideOutput(8, 1000)
    >>> optimizer = torch.optim.AdamW(encoder.parameters())
    >>> x, labels = torch.randn(4, 20), torch.tensor([3, 14, 159, 265])
    >>> loss = head(encoder(x), labels)
    >>> loss.backward()  # the rows have moved
    >>> optimizer.step()
    >>> ids, logits = head.eval().top_k(encoder(x), k=5)
    >>> ids.shape
    torch.Size([4, 5])
    """

    def __init__(
        self,
        in_features: int,
        n_labels: int,
        *,
        update: Literal["own", "torch"] = "own",
        sampler: str = "batch",
        n_samples: int | None = None,
        label_counts: Any = None,
        logits: str | None = None,
        logit_scale: float | None = None,
        log_q_strength: float | None = None,
        loss: str | None = None,
        n_negatives: int | None = None,
        n_hard_negatives: int | None = None,
        frequency_power: float | None = None,
        precision: str | None = None,
        state_precision: str | None = None,
        optimizer: str | None = None,
        learning_rate: float | None = None,
        beta_1: float | None = None,
        beta_2: float | None = None,
        epsilon: float | None = None,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        given = {name: value for name, value in locals().items() if name in Config.model_fields and value is not None}
        super().__init__()
        config = config_of_head(given, update)
        if n_samples is None and label_counts is not None:
            raise ValueError("label_counts needs n_samples, the number of training samples that were counted")
        self.in_features, self.n_labels = check_size("in_features", in_features), check_size("n_labels", n_labels)
        self.n_samples = None if n_samples is None else check_size("n_samples", n_samples)
        self.n_jobs = None if n_jobs is None else check_size("n_jobs", n_jobs)
        self.learning_rate = config.learning_rate
        counts = None if label_counts is None else array_of_counts(label_counts, self.n_labels)
        active_sets = ActiveSets(config, self.n_labels, self.n_samples, counts)
        optimizer = config.row_state if update == "own" else "none"
        self._hold(Engine(self.in_features, self.n_labels, config, optimizer, active_sets), update)

    @property
    def learning_rate(self) -> float:
        """Of the own update."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        if not 0 <= rate < float("inf"):
            raise ValueError(f"learning_rate must be finite and >= 0, but is {rate!r}")
        self._learning_rate = float(rate)

    @torch.compiler.disable(reason="the head draws labels and moves its rows")  # type: ignore[untyped-decorator]
    def forward(self, hidden: Tensor, labels: Any, *, sample_ids: Any = None) -> Tensor:
        """The mean loss of a batch, over the samples that have labels; 0 if there are none.

        Parameters
        ----------
        hidden
            (n_samples, in_features), of a floating dtype, on the CPU.
        labels
            The labels of each sample: a tensor of integers (n_samples,), or (n_samples, n) filled up with -1 (or -100),
            or a SciPy sparse matrix (n_samples, n_labels).
        sample_ids
            (n_samples,) integers in [0, `n_samples`): which training samples these are; for the sampler ``memory``.

        Returns
        -------
        Tensor
            A float32 scalar.

        Raises
        ------
        TypeError, ValueError
            For arguments against these rules.
        FloatingPointError
            From the backward pass, if the loss is not finite; no row has moved then.
        """
        x = array_of_hidden(hidden, self.in_features)
        learning = self.training and torch.is_grad_enabled()
        of = self._engine.loss(
            x,
            rows_of_labels(labels, len(x), self.n_labels),
            self._sample_ids(sample_ids, len(x), learning=learning),
            self._n_threads,
            learning=learning,
            fetch=self._fetch,
        )
        if self.update == "torch":
            return SlideLoss.apply(hidden, self.weight, self.bias, of, self._gradients)
        # also where the hidden vectors need no gradient, there is a backward pass: the rows' own step
        started = torch.zeros((), requires_grad=learning)
        return SlideLoss.apply(hidden, started, None, of, self._gradients)

    @torch.compiler.disable(reason="answers are computed outside of PyTorch")  # type: ignore[untyped-decorator]
    def top_k(
        self, hidden: Tensor, k: int = 5, *, method: Literal["exact", "index"] = "exact"
    ) -> tuple[Tensor, Tensor]:
        """The k best labels of each sample, best first.

        Parameters
        ----------
        hidden
            (n_samples, in_features).
        k
            At most `n_labels`.
        method
            ``exact``: all rows are scanned. ``index``: some clusters of them are, in a time that grows with the square
            root of their number; the index is made when it is first asked for, and brought up to date after steps.

        Returns
        -------
        ids
            (n_samples, k) int64; -1 where the index found fewer than k.
        logits
            (n_samples, k) float32, not corrected by log-Q; -inf beside -1.
        """
        x = array_of_hidden(hidden, self.in_features)
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= self.n_labels:
            raise ValueError(f"k must be an integer in [1, {self.n_labels}], but is {k!r}")
        if method not in ("exact", "index"):
            raise ValueError(f"method must be 'exact' or 'index', but is {method!r}")
        self._prepare_answers()
        ids, logits = self._engine.top_k(x, int(k), self._n_threads, by_index=method == "index")
        return torch.from_numpy(ids).long(), torch.from_numpy(logits)

    def start_rows(self, batches: Iterable[tuple[Tensor, Any]]) -> Self:
        """Give each row the direction of the sum of its samples' hidden vectors: a good start behind a trained encoder.

        Parameters
        ----------
        batches
            Pairs of hidden vectors and labels, as `forward` takes them. Labels without samples get random rows.
        """
        arrays = ((array_of_hidden(hidden, self.in_features), labels) for hidden, labels in batches)
        self._engine.start_rows(
            ((x, rows_of_labels(labels, len(x), self.n_labels)) for x, labels in arrays), self._n_threads
        )
        self._hand_over_weights()
        return self

    def extra_repr(self) -> str:
        """What ``print`` shows."""
        return f"in_features={self.in_features}, n_labels={self.n_labels}, update={self.update!r}"

    @property
    def _n_threads(self) -> int:
        return self.n_jobs or torch.get_num_threads()

    def _gradients(self, of: LossPass, d_loss: float) -> tuple[Float, Gradients | None]:
        """Of the hidden vectors, and of the rows that a user's optimizer moves; the head's own take their step."""
        if self.update == "own" and of.learning:
            return self._engine.step(of, d_loss, self.learning_rate, self._n_threads), None
        return self._engine.gradients(of, d_loss, self._n_threads)

    def _sample_ids(self, sample_ids: Any, n_samples: int, *, learning: bool) -> NDArray[np.int64]:
        has_memory = self._engine.active_sets.has_memory
        if has_memory and learning and sample_ids is None:
            raise ValueError("sampler 'memory' needs sample_ids, the numbers of the samples in the training set")
        if not has_memory or sample_ids is None:
            return np.empty(0, np.int64)
        assert self.n_samples is not None
        return array_of_sample_ids(sample_ids, n_samples, self.n_samples)
