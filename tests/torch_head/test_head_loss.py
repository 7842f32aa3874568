"""The head against PyTorch itself: the same loss, gradients and steps, written with its own operations."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from heads import LABELS, N_LABELS, N_SAMPLES, WIDTH, F, SlideOutput, Tensor, logits_of, make, targets, torch
from scipy import sparse


def restricted_loss(
    hidden: Tensor, weight: Tensor, bias: Tensor, labels: Tensor, scale: float, log_q: Tensor | None = None
) -> Tensor:
    """The softmax loss over the labels of the batch; `log_q` (N_LABELS,) is taken from logits of others' labels."""
    target = targets(labels)
    active = target.any(0)
    logits = logits_of(hidden, weight, bias, scale)
    if log_q is not None:
        logits = logits - torch.where(target > 0, 0, log_q)
    return F.cross_entropy(logits[:, active], target[:, active])


@pytest.mark.parametrize("scale", [0.0, 5.0])
def test_loss_and_gradients_are_those_of_the_active_set_alone(hidden: Tensor, scale: float) -> None:
    options = {"logits": "cosine", "logit_scale": scale} if scale else {"logits": "inner_product"}
    head = make(update="torch", log_q_strength=0.0, **options)
    loss = head(hidden, LABELS)
    loss.backward()
    dense, weight, bias = (t.detach().clone().requires_grad_() for t in (hidden, head.weight, head.bias))
    expected = restricted_loss(dense, weight, bias, LABELS, scale)
    expected.backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(hidden.grad, dense.grad)
    assert head.weight.grad.is_sparse
    np.testing.assert_array_equal(head.weight.grad.coalesce().indices()[0], targets(LABELS).any(0).nonzero()[:, 0])
    torch.testing.assert_close(head.weight.grad.to_dense(), weight.grad)
    torch.testing.assert_close(head.bias.grad.to_dense(), bias.grad)


def test_log_q_is_of_the_labels_that_the_batch_brings(hidden: Tensor) -> None:
    counts, n = torch.arange(N_LABELS) * 3, 500
    head = make(log_q_strength=0.5, label_counts=counts, n_samples=n)
    f = (counts / n).clamp(1 / n)
    log_q = 0.5 * torch.log(1 - (1 - f) ** N_SAMPLES)
    expected = restricted_loss(hidden, head.weight, head.bias, LABELS, 12.0, log_q)
    torch.testing.assert_close(head(hidden, LABELS), expected)


def test_without_counts_labels_are_counted_as_they_come(hidden: Tensor) -> None:
    head = make(log_q_strength=1.0, learning_rate=1e-9)
    for _ in range(3):
        loss = head(hidden, LABELS)
    f = (targets(LABELS) > 0).float().mean(0)
    log_q = torch.log(1 - (1 - f) ** N_SAMPLES)
    torch.testing.assert_close(loss, restricted_loss(hidden, head.weight, head.bias, LABELS, 12.0, log_q))


@pytest.mark.parametrize(
    ("optimizer", "rival"),
    [("sgd", lambda p: torch.optim.SGD(p, lr=0.05)), ("adam", lambda p: torch.optim.Adam(p, lr=0.05, eps=1e-6))],
)
@pytest.mark.parametrize("logits", ["inner_product", "cosine"])
def test_with_all_labels_training_is_that_of_cross_entropy(optimizer: str, rival: Any, logits: str) -> None:
    torch.manual_seed(0)
    head = make(sampler="full", logits=logits, optimizer=optimizer, learning_rate=0.05)
    encoder = torch.nn.Linear(7, WIDTH)
    weight, bias = (t.clone().requires_grad_() for t in (head.weight, head.bias))
    dense = copy.deepcopy(encoder)
    optimizers = [torch.optim.SGD(encoder.parameters(), lr=0.1), torch.optim.SGD(dense.parameters(), lr=0.1)]
    optimizers.append(rival([weight, bias]))
    for _ in range(12):
        x, labels = torch.randn(N_SAMPLES, 7), torch.randint(N_LABELS, (N_SAMPLES,))
        loss = head(encoder(x), labels)
        expected = F.cross_entropy(logits_of(dense(x), weight, bias, 12.0 if logits == "cosine" else 0.0), labels)
        for each in optimizers:
            each.zero_grad()
        loss.backward()
        expected.backward()
        for each in optimizers:
            each.step()
        torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(encoder.weight, dense.weight, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(head.weight, weight.detach(), rtol=1e-3, atol=1e-4)


@pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")  # PyTorch's own, of its Adagrad
@pytest.mark.parametrize("rival", [torch.optim.SGD, torch.optim.Adagrad, torch.optim.SparseAdam])
def test_a_users_optimizer_moves_the_active_rows(hidden: Tensor, rival: Any) -> None:
    head = SlideOutput(130, 3000, update="torch", sampler="batch+uniform", n_negatives=2500)  # wide: torch in parallel
    before = head.weight.detach().clone()
    optimizer = rival(head.parameters(), lr=0.1)
    wide = F.pad(hidden, (0, 130 - WIDTH))
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = head(wide, LABELS)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    moved = (head.weight != before).any(1)
    assert set(LABELS[LABELS >= 0].tolist()) <= set(moved.nonzero()[:, 0].tolist())
    assert 0.4 < moved.float().mean() < 1
    assert torch.equal(head.weight.grad.to_dense().any(1) | moved, moved)
    torch.testing.assert_close(head.top_k(wide, 3)[1], best_logits(head, wide, 3), rtol=1e-4, atol=1e-4)


def test_gradients_of_several_batches_add_up(hidden: Tensor) -> None:
    head = make(update="torch", log_q_strength=0.0)
    (head(hidden, LABELS) / 2).backward()
    (head(hidden, LABELS) / 2).backward()
    twice = head.weight.grad.to_dense()
    head.zero_grad()
    head(hidden, LABELS).backward()
    torch.testing.assert_close(twice, head.weight.grad.to_dense())


def test_the_own_step_feels_a_factor_of_the_loss(hidden: Tensor) -> None:
    one, half = make(optimizer="sgd"), make(optimizer="sgd")
    before = one.weight.clone()
    one(hidden, LABELS).backward()
    (0.5 * half(hidden, LABELS)).backward()
    torch.testing.assert_close(half.weight - before, 0.5 * (one.weight - before), rtol=1e-4, atol=1e-6)


def test_only_active_rows_move(hidden: Tensor) -> None:
    head = make()
    before = head.weight.clone()
    head(hidden, LABELS).backward()
    np.testing.assert_array_equal((head.weight != before).any(1), targets(LABELS).any(0))
    assert not list(head.parameters())


def test_frozen_hidden_vectors_still_train_the_rows(hidden: Tensor) -> None:
    head = make()
    losses = []
    for _ in range(5):
        loss = head(hidden.detach(), LABELS)
        loss.backward()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("update", ["own", "torch"])
def test_all_forms_of_labels_say_the_same(hidden: Tensor, update: str) -> None:
    forms = (LABELS, LABELS.to(torch.int32), LABELS.numpy(), sparse.csr_array(targets(LABELS)))
    first, *others = (make(update=update)(hidden, labels).item() for labels in forms)
    assert others == [first] * 3
    single = torch.tensor([1, 2, 3, 4, 5, -1])
    assert make()(hidden, single).item() == make()(hidden, single[:, None]).item()


def test_samples_without_labels_are_left_out(hidden: Tensor) -> None:
    some = LABELS.clone()
    some[[1, 4]] = -1
    kept = [0, 2, 3, 5]
    loss = make()(hidden, some)
    loss.backward()
    alone = hidden.detach()[kept].requires_grad_()
    expected = make()(alone, some[kept])
    expected.backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(hidden.grad[kept], alone.grad)
    assert not hidden.grad[[1, 4]].any()


@pytest.mark.parametrize("update", ["own", "torch"])
def test_a_batch_without_labels_moves_nothing(hidden: Tensor, update: str) -> None:
    head = make(update=update)
    before = head.weight.detach().clone()
    for batch in (hidden, hidden[:0]):
        loss = head(batch, torch.full((len(batch),), -1))
        loss.backward()
        assert loss.item() == 0
    assert not hidden.grad.any()
    assert torch.equal(head.weight, before)


@pytest.mark.parametrize("update", ["own", "torch"])
def test_in_eval_mode_nothing_is_learned(hidden: Tensor, update: str) -> None:
    head = make(update=update, sampler="batch+uniform+memory", n_negatives=5, n_samples=9)
    head(hidden, LABELS, sample_ids=torch.arange(N_SAMPLES)).backward()
    head.eval()
    hidden.grad = None
    before = {name: value.clone() for name, value in head.state_dict().items()}
    first, second = head(hidden, LABELS), head(hidden, LABELS)
    assert first.item() == second.item()
    first.backward()
    assert hidden.grad.any()
    with torch.no_grad():
        head.train()(hidden, LABELS)
    assert all(torch.equal(value, before[name]) for name, value in head.state_dict().items())


def test_the_memory_brings_a_samples_hardest_wrong_labels(hidden: Tensor) -> None:
    head = make(sampler="uniform+memory", n_negatives=400, n_hard_negatives=2, n_samples=50, learning_rate=1e-9)
    ids = torch.arange(N_SAMPLES) + 10
    head(hidden, LABELS, sample_ids=ids)  # all labels are drawn
    wrong = logits_of(hidden, head.weight, head.bias, 12.0).masked_fill(targets(LABELS) > 0, -torch.inf)
    expected = wrong.topk(2).indices
    memory = head.state_dict()["memory"]
    assert torch.equal(memory[ids].long(), expected)
    assert (memory[:10] == -1).all()
    with pytest.raises(ValueError, match="sampler 'memory' needs sample_ids"):
        head(hidden, LABELS)
    with pytest.raises(ValueError, match=r"sample_ids must lie in \[0, 50\), but reach from 45 to 50"):
        head(hidden, LABELS, sample_ids=ids + 35)
    with pytest.raises(ValueError, match=r"sample_ids must be integers, one per sample \(6\)"):
        head(hidden, LABELS, sample_ids=ids[:3])


@pytest.mark.parametrize("sampler", ["batch+frequency", "batch+uniform"])
def test_drawn_labels_become_active(hidden: Tensor, sampler: str) -> None:
    counts = torch.zeros(N_LABELS, dtype=torch.int64)
    counts[-10:] = 50
    head = make(sampler=sampler, n_negatives=300, label_counts=counts, n_samples=500)
    before = head.weight.clone()
    head(hidden, LABELS).backward()
    moved = set((head.weight != before).any(1).nonzero()[:, 0].tolist())
    own = set(LABELS[LABELS >= 0].tolist())
    assert moved == own | set(range(30, 40)) if "frequency" in sampler else moved == set(range(N_LABELS))


def best_logits(head: SlideOutput, hidden: Tensor, k: int) -> Tensor:
    return logits_of(hidden, head.weight, head.bias, 12.0).topk(k).values.detach()


@pytest.mark.parametrize("update", ["own", "torch"])
def test_top_k_follows_the_rows(hidden: Tensor, update: str) -> None:
    head = make(update=update)
    optimizer = torch.optim.SGD(head.parameters(), lr=1.0) if update == "torch" else None
    for _ in range(3):
        for method in ("exact", "index"):  # so few rows are one cluster, compared exactly
            ids, logits = head.top_k(hidden, 4, method=method)
            assert ids.dtype == torch.int64
            torch.testing.assert_close(logits, best_logits(head, hidden, 4), rtol=1e-4, atol=1e-4)
            every = logits_of(hidden, head.weight, head.bias, 12.0).detach()
            torch.testing.assert_close(every.gather(1, ids), logits, rtol=1e-4, atol=1e-4)
        head(hidden, LABELS).backward()
        if optimizer:
            optimizer.step()
        with torch.no_grad():
            head.weight[5] += 0.3
            head.bias[9] += 1


def test_rows_start_in_the_direction_of_their_samples(hidden: Tensor) -> None:
    for update in ("own", "torch"):
        head = make(update=update).start_rows([(hidden[:4], LABELS[:4]), (hidden[4:], LABELS[4:])])
        unit = F.normalize(hidden.detach())
        torch.testing.assert_close(head.weight[3].detach(), F.normalize(unit[0] + unit[4], dim=0), rtol=1e-4, atol=1e-5)
        assert head.weight.any(1).all()
        before = head.weight.detach().clone()
        with pytest.raises(ValueError, match="sample 1 of the batch has 40"):
            head.start_rows([(hidden[:2], LABELS[:2]), (hidden[:2], torch.tensor([1, 40]))])
        assert torch.equal(head.weight, before)
