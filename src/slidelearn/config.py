"""The configuration: every option of the engine, its meaning, its default and its rule, in one place."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from slidelearn.machine.costs import Costs
from slidelearn.option_errors import readable
from slidelearn.presets import PRESETS

SAMPLERS = ("batch", "memory", "lsh", "uniform", "frequency", "full")


class Config(BaseModel):
    """Every option of the engine. The defaults are the preset ``recipe``."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    # The network
    hidden_sizes: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (256,)
    """Neurons of each hidden layer, from the features to the output."""
    hidden_active: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """Neurons computed per sample in each hidden layer, chosen by LSH; 0: all. The first layer's number must be 0."""
    hidden_activation: Literal["linear", "relu"] = "linear"
    """The activation function of the hidden layers; ``linear``: none."""
    hidden_bias: bool = False
    """Biases in the layer fed by features; the other layers always have them."""
    logits: Literal["cosine", "inner_product"] = "cosine"
    """Whether a label's logit depends on the angle of hidden vector and label row alone, or on their lengths too."""
    logit_scale: Annotated[float, Field(gt=0)] = 12.0
    """T in ``T * cos(hidden, label row) + bias``; inner-product logits take no scale."""
    label_init: Literal["samples", "random"] = "samples"
    """First label rows: the normalised sum of the hidden vectors of the label's samples, or random."""
    standardize_features: bool = False
    """Shift each feature to mean 0, divide it by its standard deviation or the square root of that, whichever makes the
    labels of near samples more alike, and add a constant feature. If not given: done where at least half of the values
    of X are not zero."""
    normalize_features: bool = True
    """L2-normalise the rows of X."""
    feature_power: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Values of features are raised to this power first, keeping their sign: below 1, large values count for less. If
    not given: less than 0.7 where the values of a sample differ much, as raw counts do; 1 where at least half of the
    values of X are not zero, unless most features have heavy tails."""

    n_networks: Annotated[int, Field(ge=1, le=64)] = 1
    """Networks that differ by their random start and their order of samples. The first makes the shortlist; what counts
    there is the mean of all networks' logits. If not given: 2 where labels have fewer than 12 samples on average, 3
    where they have fewer than 6, else 1."""
    n_models: Annotated[int, Field(ge=1, le=64)] = 1
    """An ensemble of so many models, each with its own networks and ranker; the mean of their probabilities counts.
    Without a ranker, their networks are those of one model."""

    # The loss
    loss: Literal["softmax", "logistic"] = "softmax"
    """Whether the labels of the active set are compared with each other (``softmax``), or each is judged by itself."""
    log_q_strength: Annotated[float, Field(ge=0, le=1)] = 0.7
    """beta in ``logit - beta * log q``, q being the chance that a label is in the active set; 0: no correction. If
    not given: 1 where no sample has more than one label."""

    # The active set
    sampler: str = "batch+memory"
    """What chooses the active neurons: one of batch, memory, lsh, uniform, frequency, full, or several joined by +."""
    active_set: Literal["shared", "per_sample"] = "shared"
    """One active set for the batch, or one for each of its samples."""
    n_negatives: Annotated[int, Field(ge=1)] = 1000
    """Labels drawn by the samplers ``uniform`` and ``frequency``, per active set."""
    frequency_power: Annotated[float, Field(ge=0, le=1)] = 1.0
    """``frequency`` draws a label with a chance proportional to its number of samples to this power."""
    n_hard_negatives: Annotated[int, Field(ge=1, le=64)] = 8
    """Wrong labels that ``memory`` keeps for each sample."""
    min_active: Annotated[int, Field(ge=0)] = 0
    """Fill each active set with random neurons up to this size."""

    # Locality-sensitive hashing, for the sampler ``lsh`` and for hidden layers with an active set
    hash_family: Literal["simhash", "wta", "dwta", "doph"] = "simhash"
    """Signs of sparse random projections; winner-take-all, plain or densified; densified MinHash."""
    n_tables: Annotated[int, Field(ge=1, le=1024)] = 50
    """Tables of each layer (L in the paper)."""
    hashes_per_table: Annotated[int, Field(ge=1, le=30)] = 9
    """Hash functions whose values make a code (K in the paper)."""
    bin_size: Annotated[int, Field(ge=2, le=256)] = 8
    """Coordinates that compete in one hash of WTA and DWTA."""
    doph_top_k: Annotated[int, Field(ge=1)] = 32
    """Coordinates that DOPH takes as the set to hash: the largest ones."""
    n_buckets: Annotated[int, Field(ge=2, le=2**26)] | None = None
    """Buckets of a table; None: as many as there are codes, at most 2^18."""
    bucket_size: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    """Slots of a bucket; None: unlimited."""
    insertion: Literal["reservoir", "fifo"] = "reservoir"
    """Which neurons stay when a bucket is full: a fair sample of them (``reservoir``), or the latest (``fifo``)."""
    center_rows: bool = True
    """SimHash: subtract the mean row before hashing the neurons."""
    complete_norms: bool = False
    """SimHash: hash rows with one more coordinate that makes them equally long, so that tables find large inner
    products rather than small angles."""
    incremental_codes: bool = False
    """SimHash: on a rebuild, update codes from the coordinates that changed, at the price of a copy of the rows."""
    lsh_selection: Literal["vanilla", "topk", "threshold"] = "topk"
    """What is taken from the tables: what random ones hold, until that is enough (``vanilla``); the neurons on which
    most tables agree (``topk``); or all on which `lsh_min_tables` agree (``threshold``)."""
    lsh_candidates: Annotated[int, Field(ge=1, lt=2**31)] = 1000
    """Candidates per sample that ``vanilla`` and ``topk`` stop at."""
    lsh_min_tables: Annotated[int, Field(ge=1)] = 2
    """Tables that must agree on a candidate under ``threshold``."""
    rebuild_every: Annotated[int, Field(ge=1)] = 50
    """Steps before the first rebuild of the tables (n0 in the paper)."""
    rebuild_decay: Annotated[float, Field(ge=0)] = 0.1
    """The i-th wait lasts ``rebuild_every * exp(rebuild_decay * i)`` steps."""
    redraw_every: Annotated[int, Field(ge=1)] | None = None
    """Rebuilds from one drawing of new hash functions to the next; None: they are never drawn anew."""

    # The ranker
    objective: Literal["precision", "tail"] = "precision"
    """What a shortlist is ordered for: ``precision`` puts the most likely labels first (P@k); ``tail`` counts rare
    labels for more (PSP@k), as far as that costs at most half a point of P@1 on held-out training samples."""
    ranker: bool = True
    """Whether the network's shortlist is put in order by classifiers and neighbours too."""
    classifiers: Literal["always", "if_cheap", "never"] = "always"
    """Whether the ranker has a sparse linear classifier over the features for each label. ``if_cheap``: only where
    scanning all labels for all training samples takes seconds."""
    shortlist_length: Annotated[int, Field(ge=2)] = 40
    """Labels that the network puts on a shortlist, for training the ranker and for asking it. If not given, and
    samples have more than 8 labels: five for each of these, at least."""
    ranker_c: Annotated[float, Field(gt=0)] | None = None
    """Weight of a sample's loss against the regulariser (C of a support vector machine); None: how often the
    network is right on held-out training samples, which is its P@1 where these have one label: the harder it is to tell
    what is right, the less a single sample should count."""
    ranker_threshold: Annotated[float, Field(ge=0)] = 0.1
    """Weights of smaller magnitude are dropped."""
    n_neighbours: Annotated[int, Field(ge=0, lt=2**31)] = 30
    """How many of the training samples nearest to a query vote for their labels; 0: none, and the model does not keep
    the samples. If not given: 30; 300 where each sample has one label, and so brings one vote; 0 where samples are
    dense and have more than ten million values."""
    vote_power: Annotated[float, Field(gt=0)] = 2.0
    """How much more the nearer neighbours count: each weighs as much as this power of its similarity to the query. If
    not given: 2, and 1 where each sample has one label."""
    n_suggested: Annotated[int, Field(ge=0)] | None = None
    """Labels that the neighbours may add to a shortlist; None: 5, unless that does not improve answers on held-out
    training samples."""
    ranker_blend: tuple[float, float, float, float] | None = None
    """Weights of the network's log-probability, the classifier's margin, the root of the neighbours' votes and the
    logarithm of the label's training samples. None: those that fit held-out training samples best, if there are enough
    samples for that."""

    # Answers
    answers: Literal["auto", "exact", "index"] = "auto"
    """How the network's best labels are found. ``exact``: all are scanned; ``index``: only some clusters of them are,
    which takes a time that grows with the square root of their number; ``auto``: by an index where that is quicker,
    which is from 100,000 labels on unless `costs` are others."""
    costs: Costs = Costs()
    """How long work takes on a machine (`slidelearn.machine.costs.Costs`): this decides ``auto`` and ``if_cheap``, and
    how many samples get shortlists. If not given: what ``slidelearn info --calibrate`` has measured on this machine, or
    else the package's own. A model keeps the costs that it began with."""

    # The pilot, and time
    max_seconds: Annotated[float, Field(gt=0)] | None = None
    """Wall seconds that all of `fit` may take; options that are not given are chosen to fit into them."""
    pilot: bool = True
    """Whether short trainings on some of the samples choose `sampler`, where it is not given and there are many."""

    # The optimizer
    optimizer: Literal["adam", "adagrad", "sgd"] = "adagrad"
    """What updates the active rows; ``adagrad`` has one accumulator for each row."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.1
    """The highest learning rate of the schedule."""
    learning_rate_schedule: Literal["constant", "linear", "cosine"] = "linear"
    """How the learning rate falls to zero; ``constant``: not at all."""
    warmup_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of all steps in which the learning rate rises from 0."""
    beta_1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Adam: share of the mean gradient that a step keeps."""
    beta_2: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Adam: share of the mean squared gradient that a step keeps."""
    epsilon: Annotated[float, Field(gt=0)] = 1e-6
    """Adam and Adagrad: what is added to the root that a step is divided by."""
    n_epochs: Annotated[int, Field(ge=1)] = 4
    """Passes over the samples. If not given: 4, and up to 20 where 4 would have fewer than 200 steps."""
    batch_size: Annotated[int, Field(ge=1)] = 256
    """Samples of a step."""
    precision: Literal["fp32", "bf16"] = "bf16"
    """What the products of a shared active set round their factors to, where the processor has instructions for it; the
    weights and all sums are 32-bit floats."""
    state_precision: Literal["fp32", "bf16"] = "fp32"
    """How Adam keeps the two moments of each weight. ``bf16``: as 16-bit floats, rounded at random so that small steps
    count in the mean; rows take two thirds of the memory, in training and on disk."""
    deterministic: bool = True
    """One writer per row: the same bits at any number of threads; False: HOGWILD, an unlocked step per sample."""
    random_state: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Seed of everything random."""

    @field_validator("sampler")
    @classmethod
    def _check_sampler(cls, sampler: str) -> str:
        names = sampler.split("+")
        for name in names:
            if name in ("vanilla", "topk", "threshold"):
                raise ValueError(
                    f"is {sampler!r}, but {name!r} is a way of selecting from the tables: "
                    f"write sampler=lsh and lsh_selection={name}"
                )
            if name not in SAMPLERS:
                raise ValueError(f"must be one of {', '.join(SAMPLERS)}, or several joined by '+', but is {sampler!r}")
        if len(set(names)) < len(names):
            raise ValueError(f"names a sampler twice: {sampler!r}")
        if "full" in names and len(names) > 1:
            raise ValueError(f"is {sampler!r}, but 'full' has every label already: leave the others out")
        return sampler

    @model_validator(mode="after")
    def _check_together(self) -> Config:
        if self.active_set == "per_sample" and "full" in self.samplers:
            raise ValueError(
                "active_set must be 'shared' with the sampler 'full', which computes every label for all "
                "samples, but is 'per_sample'"
            )
        if self.hidden_active:
            if len(self.hidden_active) != len(self.hidden_sizes):
                raise ValueError(
                    f"hidden_active must have one number per hidden layer ({len(self.hidden_sizes)}), "
                    f"but has {len(self.hidden_active)}"
                )
            if self.hidden_active[0]:
                raise ValueError(
                    "hidden_active must begin with 0: the layer fed by features is always computed whole, "
                    f"but it is {self.hidden_active}"
                )
        if self.objective == "tail" and not self.ranker:
            raise ValueError("objective must be 'precision' without the ranker, which orders the labels, but is 'tail'")
        if self.state_precision == "bf16" and self.optimizer != "adam":
            kept = "one number per row" if self.optimizer == "adagrad" else "nothing"
            raise ValueError(
                f"state_precision must be 'fp32' with optimizer={self.optimizer!r}, which keeps {kept} beside the "
                "weights, but is 'bf16': leave it out, or choose optimizer='adam'"
            )
        if self.lsh_selection == "threshold" and self.lsh_min_tables > self.n_tables:
            raise ValueError(f"lsh_min_tables must be at most n_tables ({self.n_tables}), but is {self.lsh_min_tables}")
        return self

    @property
    def samplers(self) -> tuple[str, ...]:
        """The names joined in `sampler`."""
        return tuple(self.sampler.split("+"))

    @property
    def networks_of_members(self) -> tuple[int, ...]:
        """How many networks each member of a model has."""
        return (self.n_networks,) * self.n_models if self.ranker else (self.n_networks * self.n_models,)

    @property
    def row_state(self) -> str:
        """What rows keep beside their weights: the state of the optimizer, ``adam_bf16`` with moments as bfloat16."""
        return "adam_bf16" if self.state_precision == "bf16" else self.optimizer


def make_config(preset: str = "recipe", **values: Any) -> Config:
    """The configuration of a preset with some of its values replaced.

    Raises
    ------
    ValueError
        Naming the option, its rule and the value given.
    """
    if not isinstance(preset, str) or preset not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, but is {preset!r}")
    unknown = sorted(set(values) - set(Config.model_fields))
    if unknown:
        raise ValueError(f"no option is called {unknown[0]!r}; {_remedy(unknown[0])}")
    try:
        return Config(**{**PRESETS[preset], **values})
    except ValidationError as error:
        raise ValueError(readable(error)) from None


def _remedy(unknown: str) -> str:
    options = ["preset", *Config.model_fields]
    similar = difflib.get_close_matches(unknown, options, n=1)
    return f"did you mean {similar[0]!r}?" if similar else f"the options are {', '.join(options)}"


def read_config_file(path: Path) -> dict[str, Any]:
    """The options in a TOML file, by name; `preset` may be one of them."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a TOML file: {error}") from None
