"""Under autograd, under the compiler, and under several threads."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from heads import LABELS, N_SAMPLES, WIDTH, Tensor, make, targets, torch


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
