"""Draw `batch.svg`: how four samples of WordNet-Hyper become each other's negatives. Texts and labels are real."""

from __future__ import annotations

from matplotlib.patches import Rectangle
from style import FAINT, INK, OTHER, OWN, SOFT, drawing, note, plate, save, title

SAMPLES = {
    "a boat used by harbor police": ("boat", "vehicle", "craft", "vessel"),
    "a ship designed to transport bananas": ("craft", "vessel", "ship", "cargo ship"),
    "large American flycatcher": ("bird", "passerine", "tyrannid", "flycatcher"),
    "black birds having a raucous call": ("bird", "passerine", "oscine", "corvine bird"),
}
REMEMBERED = ("sailboat", "hawk")
LEFT, TOP, WIDTH, HEIGHT = 3.3, 2.42, 0.41, 0.42


def main() -> None:
    figure = plate(4.15)
    axes = drawing(figure)
    title(axes, 0.45, 3.68, "A small batch", "Definitions, and the hypernyms\nthat they have in WordNet.")
    labels = list(dict.fromkeys(label for own in SAMPLES.values() for label in own))
    for column, label in enumerate([*labels, *REMEMBERED]):
        x = LEFT + WIDTH * column + 0.12 * (column >= len(labels))
        remembered = label in REMEMBERED
        axes.text(
            x + 0.13, TOP + 0.12, label, rotation=48, ha="left", va="bottom", rotation_mode="anchor",
            fontsize=8.5, color=SOFT if remembered else INK,
        )  # fmt: skip
        for row, own in enumerate(SAMPLES.values()):
            y = TOP - HEIGHT * (row + 1)
            colour = OWN if label in own else OTHER
            axes.add_patch(
                Rectangle(
                    (x, y + 0.05),
                    WIDTH - 0.07,
                    HEIGHT - 0.07,
                    facecolor=colour,
                    alpha=0.45 if remembered else 1,
                    linewidth=0,
                )
            )
    for row, text in enumerate(SAMPLES):
        axes.text(LEFT - 0.2, TOP - HEIGHT * (row + 0.5) + 0.02, text, ha="right", va="center", fontsize=9)
    end = LEFT + WIDTH * len(labels)
    y = TOP - HEIGHT * len(SAMPLES) - 0.06
    for begin, stop, words in (
        (LEFT, end - 0.07, "the labels of the batch: right for some samples, wrong for all others"),
        (end + 0.12, end + 0.12 + 2 * WIDTH - 0.07, "remembered"),
    ):
        axes.plot([begin, stop], [y, y], color=FAINT, linewidth=1.5)
        note(axes, (begin + stop) / 2, y - 0.17, words)
    note(axes, LEFT, 0.25, "With 256 samples these are about a thousand labels, and enough to learn from.", ha="left")
    save(figure, "batch")


if __name__ == "__main__":
    main()
