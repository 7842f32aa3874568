"""The head against PyTorch itself: the same loss, gradients and steps, written with its own operations."""

from __future__ import annotations

import copy
import io
import threading
from typing import Any

import numpy as np
import pytest
from scipy import sparse

torch = pytest.importorskip("torch")
F = torch.nn.functional

from slidelearn.torch import SlideOutput  # noqa: E402

Tensor = Any

N_LABELS, WIDTH, N_SAMPLES = 40, 10, 6
LABELS = torch.tensor([[3, 7, -1], [7, -1, -1], [0, 39, 12], [5, -100, -1], [7, 7, 3], [21, 22, -1]])
"""Up to three for each sample; one of them twice."""
N_THREADS = 2


def make(**options: Any) -> SlideOutput:
    head = SlideOutput(WIDTH, N_LABELS, **{"precision": "fp32", "n_jobs": N_THREADS} | options)
    with torch.no_grad():
        head.bias.copy_(torch.linspace(-1, 1, N_LABELS))
    return head


@pytest.fixture
def hidden() -> Tensor:
    return torch.randn(N_SAMPLES, WIDTH, generator=torch.Generator().manual_seed(3)).requires_grad_()


def targets(labels: Tensor) -> Tensor:
    """A distribution over the labels for each sample, (n_samples, N_LABELS)."""
    table = torch.zeros(len(labels), N_LABELS)
    for row, own in zip(table, labels.reshape(len(labels), -1), strict=True):
        row[own[own >= 0]] = 1
    return table / table.sum(1, keepdim=True)


def logits_of(hidden: Tensor, weight: Tensor, bias: Tensor, scale: float) -> Tensor:
    if scale:
        hidden, weight = scale * F.normalize(hidden), F.normalize(weight)
    return hidden @ weight.T + bias


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


STATES = {
    "own-adagrad": {"optimizer": "adagrad", "sampler": "batch+uniform+memory", "n_samples": 9, "n_negatives": 5},
    "own-adam": {"optimizer": "adam", "sampler": "batch+uniform", "n_negatives": 5},
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


def test_a_second_derivative_is_refused_and_no_row_moves(hidden: Tensor) -> None:
    head = make()
    before = head.weight.clone()
    with pytest.raises(RuntimeError, match="can be differentiated once only"):
        torch.autograd.grad(head(hidden, LABELS), hidden, create_graph=True)
    assert torch.equal(head.weight, before)
    loss = head(hidden, LABELS)
    loss.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        loss.backward()


def test_hidden_vectors_that_were_overwritten_are_refused(hidden: Tensor) -> None:
    x = hidden * 1
    loss = make(logits="inner_product")(x, LABELS)
    x.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_what_is_not_finite_moves_no_row(hidden: Tensor, bad: float) -> None:
    head = make()
    before = head.weight.clone()
    with pytest.raises(FloatingPointError, match="the loss must be finite for a step, but is nan"):
        head(hidden * bad, LABELS).backward()
    with pytest.raises(FloatingPointError, match=r"its own gradient (nan|inf)"):
        (bad * head(hidden, LABELS)).backward()
    assert torch.equal(head.weight, before)


def test_several_threads_may_train_at_once() -> None:
    head = make(sampler="batch+uniform", n_negatives=10)
    batches = [torch.randn(N_SAMPLES, WIDTH, generator=torch.Generator().manual_seed(n)) for n in range(4)]
    failures: list[BaseException] = []

    def train(x: Tensor) -> None:
        try:
            for _ in range(30):
                head(x, LABELS).backward()
                head.top_k(x, 3)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=train, args=(x,)) for x in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    state = head.state_dict()
    assert int(state["n_sets"]) == 120
    assert torch.isfinite(state["weight"]).all()
    assert int(state["label_counts"].sum()) == 120 * int((targets(LABELS) > 0).sum())


class Model(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.encoder = torch.nn.Sequential(torch.nn.Linear(7, 16), torch.nn.ReLU(), torch.nn.Linear(16, WIDTH))
        self.head = make(sampler="batch+uniform", n_negatives=10, n_jobs=1)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return self.head(self.encoder(x), labels)


def train(model: Any, n_steps: int = 6) -> list[float]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x = torch.randn(N_SAMPLES, 7, generator=torch.Generator().manual_seed(0))
    losses = []
    for _ in range(n_steps):
        optimizer.zero_grad()
        loss = model(x, LABELS)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_model_trains_as_an_eager_one(backend: str) -> None:
    torch._dynamo.reset()
    eager = train(Model())
    compiled = train(torch.compile(Model(), backend=backend))
    assert eager[-1] < eager[0]
    np.testing.assert_allclose(compiled, eager, rtol=1e-5)


def test_a_graph_without_breaks_is_refused() -> None:
    torch._dynamo.reset()
    model = torch.compile(Model(), backend="aot_eager", fullgraph=True)
    with pytest.raises(torch._dynamo.exc.Unsupported, match="the head draws labels and moves its rows"):
        model(torch.randn(N_SAMPLES, 7), LABELS)
