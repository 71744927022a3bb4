"""The attention: how much each shallow stage learns from the deepest, image by image."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.image import imsave
from numpy.typing import NDArray

from ...runs import Fields
from ..comparison import Comparison, Row
from ..predictions import Numbers, entropy
from ..statistics import differences
from ..text import difference_words, needs_predictions, plus_minus, verdict_or_obstacle
from . import Gallery, Plot, Section, TextTable, Thumbnail, style

MEANING = (
    "For every image, the attention says how much each shallow block counts in what the deepest "
    "one teaches them; the shares of an image add up to 100 %."
)
IMAGES = (
    "Images that lean most on a shallow block, its share, and where its exit looks (bright: most)."
)
KIND = "method.attention"
LEARNED = "learned"
TOP = 3
"""Classes and images named for each stage."""
MAX_THUMBNAILS = 24


def section(comparison: Comparison) -> Section | None:
    """All plots of the attention; None where no method has any."""
    rows, split = comparison.rows, comparison.split
    by_epoch = [row for row in rows if row.runs[0].curve.attention is not None]
    by_image = [row for row in rows if _by_run(row)]
    if not by_epoch and not by_image:
        return None
    shown = by_image[: style.MAX_ROWS]
    plots = [
        over_epochs(row, f"attention-epochs-{i}")
        for i, row in enumerate(by_epoch[: style.MAX_ROWS])
    ]
    plots += [_distribution(row, f"attention-images-{i}") for i, row in enumerate(shown)]
    parts = style.chunks(by_image)
    plots += [_entropy(part, f"attention-entropy-{i}") for i, part in enumerate(parts)]
    images = tuple(image for row in shown for image in _thumbnails(row))
    needed = needs_predictions("Distributions over images need", split)
    return Section(
        "attention",
        "Attention",
        (MEANING, *(() if by_image else (needed,)), *style.left_out(by_epoch or by_image)),
        (*_ablations(rows), *(_most_attended(row) for row in shown)),
        tuple(plots),
        (Gallery(IMAGES, images),) if images else (),
    )


def overlay_cam(pixels: NDArray[np.uint8], cam: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image in grey under the colours of a class activation map."""
    grey = pixels.mean(axis=2, keepdims=True)
    colors = 255 * colormaps["inferno"](cam)[..., :3]
    return (0.4 * grey + 0.6 * colors).round().astype(np.uint8)


def _by_run(row: Row) -> list[Numbers]:
    """Attention of each run that has it, ``images × stages``."""
    return [one.attention for one in row.predictions if one.attention is not None]


def _labels(row: Row) -> NDArray[np.int64]:
    return next(one.labels for one in row.predictions if one.attention is not None)


def over_epochs(row: Row, name: str) -> Plot:
    """The mean share of each shallow stage by epoch."""
    figure, panel = style.epoch_axes("mean share (%)")
    epochs = row.runs[0].curve.epoch
    curves = [a for run in row.runs if (a := run.curve.attention) is not None]
    seeds = 100 * np.array([curve for curve in curves if curve.shape == curves[0].shape])
    for stage in range(seeds.shape[2]):
        own = seeds[:, :, stage]
        style.hairlines(panel, [(epochs, attention) for attention in own], stage + 1)
        style.curve(panel, epochs, own.mean(0), stage + 1, f"block {stage + 1}")
    panel.set_ylim(-2, 102)
    style.legend(figure, panel, columns=3)
    return Plot(
        name,
        f"{row.label}: mean share of each shallow block on fixed training images, by epoch "
        "(thick: mean over seeds).",
        figure,
    )


def _distribution(row: Row, name: str) -> Plot:
    attention, labels = 100 * np.stack(_by_run(row)), _labels(row)
    present = np.unique(labels)
    classes = np.concatenate([attention[:, labels == k].mean(1) for k in present])
    stages = attention.shape[2]
    figure, panel = style.axes(xlabel="shallow block", ylabel="share (%)")
    kinds = (
        (np.concatenate(attention), -0.17, "", "images"),
        (classes, 0.17, "////", "class means"),
    )
    for values, shift, hatch, subject in kinds:
        boxes = panel.boxplot(
            list(values.T),
            positions=np.arange(1, stages + 1) + shift,
            widths=0.28,
            whis=(5, 95),
            showfliers=False,
            patch_artist=True,
            medianprops={"color": style.INK, "linewidth": 1.6},
        )
        for box in boxes["boxes"]:
            box.set(facecolor="white" if hatch else style.PALETTE[5], hatch=hatch)
        boxes["boxes"][0].set_label(subject)
    panel.set_xticks(range(1, stages + 1), [str(stage + 1) for stage in range(stages)])
    panel.set_ylim(-2, 102)
    panel.grid(axis="x", visible=False)
    style.legend(figure, panel)
    return Plot(
        name,
        f"{row.label}: shares over the {len(labels):,} test images and over the {len(present)} "
        "classes, all seeds together (box: middle half; whiskers: 5 to 95 %).",
        figure,
    )


def _entropy(rows: Sequence[Row], name: str) -> Plot:
    figure, panel = style.axes(
        xlabel="entropy of an image's shares (share of the most possible)",
        ylabel="test images up to it (%)",
    )
    means: list[str] = []
    for row in rows:
        values = np.sort(entropy(np.concatenate(_by_run(row))))
        rank = 100 * np.arange(1, len(values) + 1) / len(values)
        thin = np.unique(np.linspace(0, len(values) - 1, 300).astype(np.int64))
        style.curve(panel, values[thin], rank[thin], row.style, row.label)
        means.append(f"{row.label} {values.mean():.2f}")
    panel.set_xlim(0, 1.02)
    panel.set_ylim(0, 102)
    style.legend(figure, panel)
    return Plot(
        name,
        "Entropy of the shares over test images, all seeds together, cumulative: 0 is all on one "
        f"block, 1 equal shares. Means: {', '.join(means)}.",
        figure,
    )


def _ablations(rows: Sequence[Row]) -> list[TextTable]:
    """Learned attention against every other kind, all else equal."""
    tables: list[TextTable] = []
    for learned in (row for row in rows if _kind(row) == LEARNED):
        others = [
            o for o in rows if _kind(o) != LEARNED and _other_fields(o) == _other_fields(learned)
        ]
        if not others:
            continue
        tests = differences(learned.accuracies, [row.accuracies for row in others])
        seeds = str(len(learned.runs))
        cells = [(LEARNED, seeds, plus_minus(learned.accuracy), "reference", "")]
        for row, test in zip(others, tests, strict=True):
            kind, accuracy = str(_kind(row)).replace("_", " "), plus_minus(row.accuracy)
            words = difference_words(test), verdict_or_obstacle(test)
            cells.append((kind, str(len(row.runs)), accuracy, *words))
        tables.append(
            TextTable(
                f"{learned.label}: every other kind of attention against the learned one, all "
                "else equal (accuracy in %, difference in points, 95 % interval).",
                ("attention", "seeds", "accuracy", "difference to learned", "verdict"),
                tuple(cells),
                words=frozenset({0, 4}),
            )
        )
    return tables


def _kind(row: Row) -> object:
    return row.runs[0].fields.get(KIND)


def _other_fields(row: Row) -> Fields | None:
    fields = dict(row.runs[0].fields)
    return None if fields.pop(KIND, None) is None else fields


def _most_attended(row: Row) -> TextTable:
    """The classes and images with the most attention on each stage, mean over seeds."""
    attention, labels = np.mean(_by_run(row), axis=0), _labels(row)
    files = _files(row, len(labels))
    named_by = "files" if any(run.files == files for run in row.runs) else "position in the split"
    caption = (
        f"{row.label}: what leans most on each shallow block (share in %, mean over seeds; "
        f"images by their {named_by})."
    )
    return most_attended(caption, attention, labels, row.class_names, files, "test images")


def most_attended(
    caption: str,
    attention: Numbers,
    labels: NDArray[np.int64],
    names: tuple[str, ...],
    files: tuple[str, ...],
    images_called: str,
) -> TextTable:
    """The mean share of each shallow stage, and the classes and images that lean most on it."""
    present = np.unique(labels)
    by_class = np.array([attention[labels == k].mean(0) for k in present])
    cells: list[tuple[str, ...]] = []
    for stage in range(attention.shape[1]):
        own, of_class = 100 * attention[:, stage], 100 * by_class[:, stage]
        classes = [f"{names[present[k]]} ({of_class[k]:.1f})" for k in _top(by_class[:, stage])]
        images = [
            f"{files[i]}, {names[labels[i]]} ({own[i]:.1f})" for i in _top(attention[:, stage])
        ]
        mean = f"{100 * attention[:, stage].mean():.1f}"
        cells.append((f"block {stage + 1}", mean, ", ".join(classes), "; ".join(images)))
    return TextTable(
        caption,
        ("block", "mean share", "classes", images_called),
        tuple(cells),
        words=frozenset({0, 2, 3}),
    )


def _top(values: Numbers) -> NDArray[np.intp]:
    return np.argsort(values, kind="stable")[::-1][:TOP]


def _files(row: Row, images: int) -> tuple[str, ...]:
    """Names of the test images' files; their positions if no run has the names."""
    known = [run.files for run in row.runs if len(run.files) == images]
    return known[0] if known else tuple(f"no.\u00a0{k}" for k in range(images))


def _thumbnails(row: Row) -> list[Thumbnail]:
    """Images of the first run that kept any, beside the CAM of the stage; class and attention."""
    runs = [run for run in row.runs if run.thumbnails is not None and run.predictions is not None]
    if not runs:
        return []
    run, names = runs[0], row.class_names
    assert run.thumbnails is not None
    assert run.predictions is not None
    attention, labels = run.predictions.attention, run.predictions.labels
    files = _files(row, len(labels))
    seed = f", seed\u00a0{run.seed}" if len(row.runs) > 1 else ""
    images, thumbnails = run.thumbnails, list[Thumbnail]()
    for pixels, cam, index, stage in zip(
        images.images, images.cams, images.indices, images.stages, strict=True
    ):
        share = "" if attention is None else f", {100 * attention[index, stage]:.0f}\u00a0%"
        file = io.BytesIO()
        imsave(file, np.hstack([pixels, overlay_cam(pixels, cam)]), format="png")
        subject = f"{names[labels[index]]} ({files[index]})"
        caption = f"{row.label}{seed}, block\u00a0{stage + 1}{share}: {subject}"
        thumbnails.append(Thumbnail(file.getvalue(), caption))
    return thumbnails[:MAX_THUMBNAILS]
