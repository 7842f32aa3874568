"""Which options are tuned, and within what bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slidelearn.config import Config, make_config
from slidelearn.fitting.suiting import suit
from slidelearn.matrices import FloatCsr
from slidelearn.presets import PRESETS

ADVISED = "auto"
"""In place of a number that training finds by itself."""

Options = dict[str, Any]


@dataclass(frozen=True)
class Space:
    """The options that are tuned, within what bounds, and where their defaults are."""

    numbers: dict[str, tuple[float, float]]
    """Floats on a logarithmic scale, but for those from 0 on."""
    integers: dict[str, tuple[int, int]]
    """On a logarithmic scale."""
    choices: dict[str, tuple[Any, ...]]
    defaults: Options

    @classmethod
    def of(cls, fixed: Mapping[str, Any], X: FloatCsr, Y: FloatCsr) -> Space:
        """What suits the options that are given, and samples like these."""
        preset = fixed.get("preset", "recipe")
        open_ones = {name for name in Config.model_fields if name not in fixed}
        config = suit(make_config(**fixed), open_ones - set(PRESETS[preset]), X, Y)
        n_labels = Y.shape[1]
        numbers = {"learning_rate": (config.learning_rate / 4, config.learning_rate * 3)}
        integers = {"n_epochs": (max(1, config.n_epochs // 2), 2 * config.n_epochs)}
        choices: dict[str, tuple[Any, ...]] = {"hidden_sizes": ("64", "128", "256", "512")}
        if config.logits == "cosine":
            numbers["logit_scale"] = (6.0, 20.0)
        if config.log_q_strength:
            numbers["log_q_strength"] = (0.0, 1.0)
        if "lsh" in config.samplers:
            integers |= {"n_tables": (10, 200), "hashes_per_table": (3, 14), "lsh_candidates": (100, 4000)}
        else:
            choices["sampler"] = ("batch", "batch+memory")
        if config.ranker:
            length = min(config.shortlist_length, n_labels)
            integers["shortlist_length"] = (max(2, length // 2), max(2, min(3 * length, n_labels)))
            choices["ranker_c"] = (ADVISED, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0)
        is_open = {name: name in open_ones for name in (*numbers, *integers, *choices)}
        defaults = {name: getattr(config, name) for name in (*numbers, *integers) if is_open[name]}
        usual = {"hidden_sizes": str(config.hidden_sizes[0]), "sampler": "batch", "ranker_c": ADVISED}
        bounded = {name: (low, max(high, getattr(config, name))) for name, (low, high) in integers.items()}
        return cls(
            {name: bounds for name, bounds in numbers.items() if is_open[name]},
            {name: bounds for name, bounds in bounded.items() if is_open[name]},
            {name: values for name, values in choices.items() if is_open[name]},
            defaults | {name: usual[name] for name in choices if is_open[name]},
        )

    def suggest(self, asked: Any) -> Options:
        """The options of an Optuna trial; what training is to find by itself is left out."""
        options: Options = {}
        for name, (low, high) in self.numbers.items():
            options[name] = float(f"{asked.suggest_float(name, low, high, log=low > 0):.4g}")
        for name, (least, most) in self.integers.items():
            options[name] = asked.suggest_int(name, least, most, log=True)
        for name, values in self.choices.items():
            options[name] = asked.suggest_categorical(name, values)
        if "hidden_sizes" in options:
            options["hidden_sizes"] = (int(options["hidden_sizes"]),)
        return {name: value for name, value in options.items() if value != ADVISED}
