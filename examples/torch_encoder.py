"""A wide head for an encoder in PyTorch: 100,000 labels on a CPU, beside nn.Linear with CrossEntropyLoss.

Made-up products have titles of a few words; queries are some of these words among common ones. The encoder and the head
learn which words say something, and which product is meant.

    pip install 'slidelearn[torch]'
    python examples/torch_encoder.py
"""

from __future__ import annotations

import argparse
import time

import torch
from torch import Tensor, nn

from slidelearn.torch import SlideOutput

WIDTH, BATCH, WORDS_OF_LABEL, WORDS_OF_QUERY = 256, 256, 6, 8


class Encoder(nn.Module):
    """The mean of word vectors, and a layer that may bend it."""

    def __init__(self, n_words: int) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(n_words, WIDTH, sparse=True)
        self.bend = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))

    def forward(self, words: Tensor) -> Tensor:
        mean = self.words(words)
        return mean + self.bend(mean)


def queries(titles: Tensor, n: int, n_words: int) -> tuple[Tensor, Tensor]:
    """Words (n, WORDS_OF_QUERY), some of them of the label's title, and labels (n,)."""
    labels = torch.randint(len(titles), (n,))
    words = torch.randint(n_words // 50, (n, WORDS_OF_QUERY))  # common words, which say nothing
    n_told = WORDS_OF_LABEL // 2
    told = torch.rand(n, WORDS_OF_LABEL).argsort(1)[:, :n_told]
    words[:, :n_told] = titles[labels].gather(1, told)
    return words, labels


def optimizers_of(encoder: Encoder) -> list[torch.optim.Optimizer]:
    return [
        torch.optim.SparseAdam(encoder.words.parameters(), lr=1e-2),
        torch.optim.AdamW(encoder.bend.parameters(), lr=1e-3),
    ]


def step(loss: Tensor, optimizers: list[torch.optim.Optimizer]) -> None:
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss.backward()  # the rows of the head take their step here
    for optimizer in optimizers:
        optimizer.step()


def train(encoder: Encoder, head: SlideOutput, words: Tensor, labels: Tensor, n_epochs: int) -> float:
    """Train both; return milliseconds per step."""
    optimizers = optimizers_of(encoder)
    n_steps = n_epochs * (len(words) // BATCH)
    first_rate = head.learning_rate
    began = time.perf_counter()
    for number in range(n_steps):
        batch = torch.randint(len(words), (BATCH,))
        head.learning_rate = first_rate * (1 - number / n_steps)
        loss = head(encoder(words[batch]), labels[batch])
        step(loss, optimizers)
        if number % max(n_steps // 5, 1) == 0:
            print(f"step {number:5,} of {n_steps:,}: loss {loss.item():.2f}")
    return 1e3 * (time.perf_counter() - began) / n_steps


def judge(when: str, encoder: Encoder, head: SlideOutput, asked: Tensor, wanted: Tensor) -> None:
    with torch.inference_mode():
        ids, _ = head.eval().top_k(encoder.eval()(asked), k=5)
    encoder.train()
    head.train()
    found = (ids == wanted[:, None]).float()
    print(f"{when}: P@1 {100 * found[:, 0].mean():.1f} %, among the best 5 {100 * found.sum(1).mean():.1f} %")


def milliseconds_of_all_labels(n_words: int, n_labels: int, words: Tensor, labels: Tensor, n_steps: int) -> float:
    """A step of the usual head and loss, with as good an optimizer."""
    encoder, head, loss_of = Encoder(n_words), nn.Linear(WIDTH, n_labels), nn.CrossEntropyLoss()
    optimizers = [*optimizers_of(encoder), torch.optim.AdamW(head.parameters(), lr=1e-3, fused=True)]
    seconds = []
    for number in range(n_steps + 1):
        batch = slice(number * BATCH, (number + 1) * BATCH)
        began = time.perf_counter()
        step(loss_of(head(encoder(words[batch])), labels[batch]), optimizers)
        seconds.append(time.perf_counter() - began)
    return 1e3 * min(seconds[1:])  # the first makes the optimizer's state


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few thousand labels, one epoch")
    quick = parser.parse_args().quick
    n_labels, n_words, n_samples = (1_000, 2_000, 3_000) if quick else (100_000, 30_000, 300_000)

    torch.manual_seed(0)
    titles = torch.randint(n_words // 50, n_words, (n_labels, WORDS_OF_LABEL))
    words, labels = queries(titles, n_samples, n_words)
    asked, wanted = queries(titles, 2_000, n_words)

    encoder, head = Encoder(n_words), SlideOutput(WIDTH, n_labels, learning_rate=0.02)
    with torch.no_grad():
        head.start_rows((encoder(w), y) for w, y in zip(words.split(4096), labels.split(4096), strict=True))
    judge("before training", encoder, head, asked, wanted)
    ours = train(encoder, head, words, labels, n_epochs=1)
    judge("after training", encoder, head, asked, wanted)
    theirs = milliseconds_of_all_labels(n_words, n_labels, words, labels, n_steps=1 if quick else 3)
    print(
        f"a step: {ours:.1f} ms; with nn.Linear and CrossEntropyLoss {theirs:.1f} ms, {theirs / ours:.0f} times as long"
    )


if __name__ == "__main__":
    main()
