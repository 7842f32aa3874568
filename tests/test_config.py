from __future__ import annotations

from pathlib import Path

import pytest

from slidelearn.config import Config, make_config, read_config_file
from slidelearn.presets import PRESETS


def test_the_defaults_are_the_recipe() -> None:
    assert make_config() == make_config("recipe") == Config()


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_valid_and_gives_way_to_values(preset: str) -> None:
    assert make_config(preset, n_epochs=7) == make_config(preset).model_copy(update={"n_epochs": 7})


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        make_config().n_epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"preset": "papr"}, "preset must be one of recipe, quick, paper, but is 'papr'"),
        ({"preset": ["paper"]}, r"preset must be one of recipe, quick, paper, but is \['paper'\]"),
        ({"n_epoch": 3}, "no option is called 'n_epoch'; did you mean 'n_epochs'?"),
        ({"zzz": 3}, "no option is called 'zzz'; the options are preset, hidden_sizes, .*random_state"),
        ({"prest": "quick"}, "no option is called 'prest'; did you mean 'preset'"),
        ({"n_epochs": 0}, "n_epochs must be >= 1, but is 0"),
        ({"n_epochs": 2.5}, "n_epochs must be an integer, but is 2.5"),
        ({"n_epochs": "many"}, "n_epochs must be an integer, but is 'many'"),
        ({"learning_rate": 0}, "learning_rate must be > 0.0, but is 0"),
        ({"learning_rate": float("inf")}, "learning_rate must be finite, but is inf"),
        ({"beta_1": 1}, "beta_1 must be < 1.0, but is 1"),
        ({"n_tables": 1025}, "n_tables must be <= 1024, but is 1025"),
        ({"hidden_sizes": (8, 0)}, r"hidden_sizes\[1\] must be >= 1, but is 0"),
        ({"hidden_sizes": ()}, r"hidden_sizes must be of at least 1 number\(s\), but is \(\)"),
        ({"hidden_sizes": 8}, "hidden_sizes must be a sequence of integers, but is 8"),
        ({"hidden_bias": "perhaps"}, "hidden_bias must be true or false, but is 'perhaps'"),
        ({"logits": "cos"}, "logits must be 'cosine' or 'inner_product', but is 'cos'"),
        ({"sampler": 7}, "sampler must be a text, but is 7"),
        ({"sampler": "bath"}, "sampler must be one of batch, .* joined by '\\+', but is 'bath'"),
        (
            {"sampler": "topk"},
            "sampler is 'topk', but 'topk' is a way of selecting.* sampler=lsh and lsh_selection=topk",
        ),
        ({"sampler": "lsh+lsh"}, "sampler names a sampler twice: 'lsh\\+lsh'"),
        ({"sampler": "full+lsh"}, "'full' has every label already: leave the others out"),
        ({"sampler": "full", "active_set": "per_sample"}, "active_set must be 'shared' with the sampler 'full'"),
        ({"hidden_active": (8,)}, r"hidden_active must begin with 0: .* but it is \(8,\)"),
        ({"hidden_active": (0, 8)}, r"hidden_active must have one number per hidden layer \(1\), but has 2"),
        ({"lsh_selection": "threshold", "lsh_min_tables": 51}, r"lsh_min_tables must be at most n_tables \(50\)"),
        (
            {"state_precision": "bf16"},
            "state_precision must be 'fp32' with optimizer='adagrad', which keeps one number per row beside the "
            "weights, but is 'bf16': leave it out, or choose optimizer='adam'",
        ),
        (
            {"state_precision": "bf16", "optimizer": "sgd"},
            "with optimizer='sgd', which keeps nothing beside the weights",
        ),
        ({"state_precision": "fp16", "optimizer": "adam"}, "state_precision must be 'fp32' or 'bf16', but is 'fp16'"),
        ({"n_epochs": 0, "beta_1": 2}, "beta_1 must be < 1.0, but is 2; n_epochs must be >= 1, but is 0"),
    ],
)
def test_errors_name_option_rule_and_value(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_config(**values)


def test_a_file_of_options(tmp_path: Path) -> None:
    path = tmp_path / "options.toml"
    path.write_text('preset = "paper"\nhidden_sizes = [64, 32]\nlearning_rate = 0.01\n')
    config = make_config(**read_config_file(path))
    assert (config.hidden_sizes, config.learning_rate, config.sampler) == ((64, 32), 0.01, "lsh")
    path.write_text("n_epochs = 7", encoding="utf-8-sig")
    assert read_config_file(path) == {"n_epochs": 7}
    for content in (b"n_epochs = ", "n_epochs = 7".encode("utf-16")):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"options.toml is not a TOML file"):
            read_config_file(path)
