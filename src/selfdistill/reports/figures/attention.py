"""How the shallow blocks share what the deepest one teaches, image by image."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..content import Picture, Section
from ..entries import Entry
from ..evidence import Evidence
from ..predicted import Numbers, entropy, unseen
from . import style
from .ablation import ablations
from .leaning import leaning, thumbnails

MEANING = (
    "For every image, the attention says how much each shallow block counts in what the deepest "
    "one teaches them; the shares of an image add up to 100 %."
)


def section(entries: Sequence[Entry], split: str) -> Section | None:
    """All pictures of the attention; None where no method has any."""
    followed = [e for e in entries if e.runs[0].curve.attention is not None]
    looked = [e for e in entries if _watched(e)]
    if not followed and not looked:
        return None
    shown = looked[: style.MOST_ROWS]
    pictures = [
        _by_epoch(entry, f"attention-epochs-{i}")
        for i, entry in enumerate(followed[: style.MOST_ROWS])
    ]
    pictures += [_distribution(entry, f"attention-images-{i}") for i, entry in enumerate(shown)]
    parts = style.chunks(looked) if looked else []
    pictures += [_entropy(part, f"attention-entropy-{i}") for i, part in enumerate(parts)]
    tables = [*ablations(entries, split), *(leaning(e, _shares(e), _labels(e)) for e in shown)]
    needed = f"Distributions over images need {unseen(split)}"
    return Section(
        "attention",
        "Attention",
        (
            MEANING,
            *(() if looked else (needed,)),
            *style.left_out(followed or looked),
        ),
        tuple(tables),
        tuple(pictures),
        tuple(image for entry in shown for image in thumbnails(entry)),
    )


def _watched(entry: Entry) -> list[Evidence]:
    """Runs with the attention of every test image."""
    return [run for run in entry.runs if run.predicted and run.predicted.attention is not None]


def _shares(entry: Entry) -> Numbers:
    """Mean over seeds of each image's shares, ``images × blocks``."""
    found = [run.predicted.attention for run in _watched(entry) if run.predicted]
    return np.mean([shares for shares in found if shares is not None], axis=0)


def _pooled(entry: Entry) -> Numbers:
    """Every seed's shares of every image, ``seeds·images × blocks``."""
    found = [run.predicted.attention for run in _watched(entry) if run.predicted]
    return np.concatenate([shares for shares in found if shares is not None])


def _labels(entry: Entry) -> NDArray[np.int64]:
    predicted = _watched(entry)[0].predicted
    assert predicted is not None
    return predicted.labels


def _by_epoch(entry: Entry, name: str) -> Picture:
    figure, panel = style.epoch_axes("mean share (%)")
    epochs = entry.runs[0].curve.epoch
    found = [a for run in entry.runs if (a := run.curve.attention) is not None]
    seeds = 100 * np.array([shares for shares in found if shares.shape == found[0].shape])
    for block in range(seeds.shape[2]):
        own = seeds[:, :, block]
        style.hairlines(panel, [(epochs, shares) for shares in own], block + 1)
        style.curve(panel, epochs, own.mean(0), block + 1, f"block {block + 1}")
    panel.set_ylim(-2, 102)
    style.legend(figure, panel, columns=3)
    return Picture(
        name,
        f"{entry.label}: mean share of each shallow block on fixed training images, by epoch "
        "(thick: mean over seeds).",
        figure,
    )


def _distribution(entry: Entry, name: str) -> Picture:
    shares, labels = 100 * _pooled(entry), _labels(entry)
    seeds = len(shares) // len(labels)
    present = np.unique(labels)
    by_seed = shares.reshape(seeds, len(labels), -1)
    classes = np.concatenate([by_seed[:, labels == k].mean(1) for k in present])
    figure, panel = style.axes(xlabel="shallow block", ylabel="share (%)")
    kinds = ((shares, -0.17, "", "images"), (classes, 0.17, "////", "class means"))
    for values, shift, hatch, subject in kinds:
        boxes = panel.boxplot(
            list(values.T),
            positions=np.arange(1, shares.shape[1] + 1) + shift,
            widths=0.28,
            whis=(5, 95),
            showfliers=False,
            patch_artist=True,
            medianprops={"color": style.INK, "linewidth": 1.6},
        )
        for box in boxes["boxes"]:
            box.set(facecolor="white" if hatch else style.PALETTE[5], hatch=hatch)
        boxes["boxes"][0].set_label(subject)
    panel.set_xticks(range(1, shares.shape[1] + 1), [str(b + 1) for b in range(shares.shape[1])])
    panel.set_ylim(-2, 102)
    panel.grid(axis="x", visible=False)
    style.legend(figure, panel)
    return Picture(
        name,
        f"{entry.label}: shares over the {len(labels):,} test images and over the {len(present)} "
        "classes, all seeds together (box: middle half; whiskers: 5 to 95 %).",
        figure,
    )


def _entropy(entries: Sequence[Entry], name: str) -> Picture:
    figure, panel = style.axes(
        xlabel="entropy of an image's shares (share of the most possible)",
        ylabel="test images up to it (%)",
    )
    means: list[str] = []
    for entry in entries:
        values = np.sort(entropy(_pooled(entry)))
        rank = 100 * np.arange(1, len(values) + 1) / len(values)
        thin = np.unique(np.linspace(0, len(values) - 1, 300).astype(np.int64))
        style.curve(panel, values[thin], rank[thin], entry.style, entry.label)
        means.append(f"{entry.label} {values.mean():.2f}")
    panel.set_xlim(0, 1.02)
    panel.set_ylim(0, 102)
    style.legend(figure, panel)
    return Picture(
        name,
        "Entropy of the shares over test images, all seeds together, cumulative: 0 is all on one "
        f"block, 1 equal shares. Means: {', '.join(means)}.",
        figure,
    )
