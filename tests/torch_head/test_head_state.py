"""What a head saves, and what becomes of it when it is copied or its model is cast."""

from __future__ import annotations

import copy
import io
from typing import Any

import pytest
from heads import LABELS, N_LABELS, N_SAMPLES, WIDTH, SlideOutput, Tensor, make, torch

STATES = {
    "own-adagrad": {"optimizer": "adagrad", "sampler": "batch+uniform+memory", "n_samples": 9, "n_negatives": 5},
    "own-adam": {"optimizer": "adam", "sampler": "batch+uniform", "n_negatives": 5},
    "own-adam-bf16": {"optimizer": "adam", "state_precision": "bf16", "sampler": "batch+uniform", "n_negatives": 5},
    "torch": {"update": "torch", "sampler": "batch+uniform", "n_negatives": 5},
}


def steps(head: SlideOutput, hidden: Tensor, n: int) -> list[float]:
    losses = []
    for _ in range(n):
        head.zero_grad()
        loss = head(hidden.detach(), LABELS, sample_ids=torch.arange(N_SAMPLES))
        loss.backward()
        with torch.no_grad():
            for parameter in head.parameters():
                parameter -= 0.1 * parameter.grad.to_dense()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("options", STATES.values(), ids=STATES)
@pytest.mark.parametrize("way", ["state_dict", "deepcopy", "pickle"])
def test_training_goes_on_as_if_nothing_had_happened(hidden: Tensor, options: dict[str, Any], way: str) -> None:
    head = make(**options)
    steps(head, hidden, 4)
    if way == "state_dict":
        file = io.BytesIO()
        torch.save(head.state_dict(), file)
        file.seek(0)
        other = make(random_state=0, **options)
        other.load_state_dict(torch.load(file, weights_only=True))
    elif way == "deepcopy":
        other = copy.deepcopy(head)
    else:
        file = io.BytesIO()
        torch.save(head, file)
        file.seek(0)
        other = torch.load(file, weights_only=False)
    before = head.weight.detach().clone()
    expected = steps(head, hidden, 4)
    torch.testing.assert_close(other.weight.detach(), before, rtol=0, atol=0)  # the two are apart
    assert steps(other, hidden, 4) == expected
    assert torch.equal(other.weight, head.weight)
    assert torch.equal(other.top_k(hidden, 3)[0], head.top_k(hidden, 3)[0])


def test_a_state_is_a_snapshot_of_whole_tensors() -> None:
    state = make(optimizer="adam").state_dict()
    assert set(state) == {
        *("weight", "bias", "m", "v", "bias_m", "bias_v", "n_updates"),
        *("label_counts", "n_counted", "n_sets"),
    }
    assert all(value.is_contiguous() for value in state.values())
    assert len({value.untyped_storage().data_ptr() for value in state.values()}) == len(state)


def test_moments_of_16_bits_are_taken_for_the_numbers_they_are(hidden: Tensor) -> None:
    """Also by a head that keeps them in 32 bits, and the other way round."""
    short, long = ({"optimizer": "adam", "state_precision": precision} for precision in ("bf16", "fp32"))
    for of, to in ((short, long), (long, short)):
        head, other = make(**of), make(**to)
        steps(head, hidden, 2)
        other.load_state_dict(head.state_dict())
        for name in ("m", "v"):
            given, taken = (each.state_dict()[name] for each in (head, other))
            assert given.any()
            torch.testing.assert_close(taken.float(), given.float(), rtol=2**-8, atol=0)


@pytest.mark.parametrize("update", ["own", "torch"])
def test_states_that_do_not_fit_are_refused(update: str) -> None:
    model = torch.nn.ModuleDict({"head": make(update=update)})
    state = model.state_dict()
    before = {name: value.clone() for name, value in state.items()}
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "head.label_counts"'):
        model.load_state_dict({name: value for name, value in state.items() if name != "head.label_counts"})
    with pytest.raises(RuntimeError, match=r'Unexpected key\(s\) in state_dict: "head.extra"'):
        model.load_state_dict(state | {"head.extra": torch.zeros(1)})
    with pytest.raises(RuntimeError, match=r"head\.n_sets must be a tensor of the shape \(\), but is of the dtype"):
        model.load_state_dict(state | {"head.n_sets": torch.zeros(3)})
    with pytest.raises(RuntimeError, match=r"head\.weight"):
        model.load_state_dict(state | {"head.weight": torch.zeros(N_LABELS, WIDTH + 1)})
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    model.load_state_dict({}, strict=False)


def test_rows_stay_as_they_are_whatever_becomes_of_the_model(hidden: Tensor) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(WIDTH, WIDTH), make()).to(torch.bfloat16).to("cpu")
    assert model[0].weight.dtype == torch.bfloat16
    assert model[1].weight.dtype == torch.float32
    half = hidden.detach().to(torch.bfloat16).requires_grad_()
    loss = model[1](model[0](half), LABELS)
    loss.backward()
    assert loss.dtype == torch.float32
    assert half.grad.dtype == torch.bfloat16


def test_under_autocast(hidden: Tensor) -> None:
    head, encoder = make(), torch.nn.Linear(WIDTH, WIDTH)
    with torch.autocast("cpu", torch.bfloat16):
        out = encoder(hidden)
        assert out.dtype == torch.bfloat16
        loss = head(out, LABELS)
    loss.backward()
    exact = make()(encoder(hidden), LABELS)
    assert loss.item() == pytest.approx(exact.item(), rel=0.02)
    assert encoder.weight.grad.dtype == torch.float32
