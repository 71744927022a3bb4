"""Draws the pictures of docs/training_options.md, and measures what its tables say.

    python docs/generate_training_options.py            # draw into docs/figures
    python docs/generate_training_options.py --measure  # train small networks first (minutes)

What was measured is kept in docs/training_options.json, with the machine's name.
"""

import argparse
import contextlib
import io
import json
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from painted_pictures import PICTURES, SIZE
from safetensors.torch import load_file

import selfdistill as sd
from selfdistill.cli.augment_sheet import EPOCHS
from selfdistill.config import parse
from selfdistill.config.schema import Adversary
from selfdistill.data import (
    Augmentation,
    AutoAugment,
    Batches,
    ColourJitter,
    CutMix,
    Cutout,
    Digits,
    Flip,
    ImageSet,
    Mixing,
    Mixup,
    PadCrop,
    Pipeline,
    Preprocessing,
    RandAugment,
    RandomErasing,
    RandomResizedCrop,
    Rotation,
    StyleMixing,
    TrivialAugment,
)
from selfdistill.pairing import Partner
from selfdistill.training import train
from selfdistill.training.adversarial import pgd
from selfdistill.training.optimizer import average_share

HERE = Path(__file__).parent
FIGURES, MEASURED = HERE / "figures", HERE / "training_options.json"
CLASSES = tuple(PICTURES)
INK, GREY, BLUE, RED = "#1a1a1a", "#8a8a8a", "#0072b2", "#d55e00"
GAP, WORDS = 6, 22
"""Pixels between pictures, and for a line of text."""
SETTINGS = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.axisbelow": True,
    "grid.color": "#dcdcdc",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}

CENTRED = {"ha": "center", "va": "center"}

Picture = NDArray[np.uint8]
Row = tuple[str, list[Picture], list[str]]
"""A name, the picture and what epochs show of it, and what stands below each."""


@cache
def painted() -> Picture:
    """All pictures, in the order of their classes."""
    return np.stack([paint() for paint in PICTURES.values()])


def shown(
    name: str,
    picture: str,
    *steps: Augmentation,
    mixing: Mixing | None = None,
    seed: int = 0,
) -> Row:
    """A picture as it is and as the first epochs of training show it, with its labels if mixed."""
    pixels = painted()
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
    preprocessing = Preprocessing(
        (SIZE, SIZE),
        tuple((images / 255).mean((0, 2, 3)).tolist()),
        tuple((images / 255).std((0, 2, 3)).tolist()),
    )
    batches = Batches(
        ImageSet(images, torch.arange(len(CLASSES)), CLASSES),
        pipeline=Pipeline(steps, preprocessing),
        partner=Partner.NONE,
        batch_size=len(CLASSES),
        seed=seed,
        mixing=mixing,
    )
    position = torch.tensor([CLASSES.index(picture)])
    seen = [batches.epoch(epoch).assemble(position) for epoch in range(EPOCHS)]
    changed = [preprocessing.pixels(batch.images)[0].permute(1, 2, 0).numpy() for batch in seen]
    labels = [_label(batch.labels[0]) for batch in seen] if mixing else []
    return name, [pixels[position.item()], *changed], [picture, *labels] if mixing else []


def _label(label: torch.Tensor) -> str:
    if label.ndim == 0:
        return CLASSES[int(label)]
    shares = sorted(zip(label.tolist(), CLASSES, strict=True), reverse=True)
    return "\n".join(f"{100 * share:.0f} % {name}" for share, name in shares if share > 0.005)


def sheet(rows: Sequence[Row]) -> Figure:
    """Rows of pictures, one pixel of theirs a pixel of the figure."""
    lines = [max((text.count("\n") + 1 for text in captions), default=0) for *_, captions in rows]
    below = [15 * count + 8 if count else 0 for count in lines]
    width = (1 + EPOCHS) * (SIZE + GAP) + GAP
    height = sum(WORDS + SIZE + GAP + more for more in below)
    figure = Figure(figsize=(width / 100, height / 100), dpi=100)
    top = height
    for (name, pictures, captions), more in zip(rows, below, strict=True):
        figure.text(0, (top - 4) / height, name, weight="bold", va="top")
        if top == height:
            figure.text(
                1,
                (top - 4) / height,
                f"what {EPOCHS} epochs show",
                color=GREY,
                va="top",
                ha="right",
            )
        top -= WORDS
        for column, picture in enumerate(pictures):
            left = column * (SIZE + GAP) + (2 * GAP if column else 0)
            place = (left / width, (top - SIZE) / height, SIZE / width, SIZE / height)
            panel = figure.add_axes(place)
            panel.imshow(picture, interpolation="lanczos" if len(picture) != SIZE else "none")
            panel.axis("off")
            for line, text in enumerate(captions[column].split("\n") if captions else ()):
                place = (left + SIZE / 2) / width, (top - SIZE - 15 * (line + 1)) / height
                figure.text(*place, text, size=8.5, ha="center")
        top -= SIZE + GAP + more
    return figure


def sheets() -> dict[str, Figure]:
    """What augmentation and mixing do, by the figure's name."""
    return {
        "crops": sheet(
            [
                shown("PadCrop", "boat", PadCrop(padding=16)),
                shown("RandomResizedCrop", "fish", RandomResizedCrop()),
                shown("Flip", "night", Flip()),
            ]
        ),
        "colour": sheet(
            [
                shown("ColourJitter", "balloon", ColourJitter()),
                shown("ColourJitter, hue 0", "fish", ColourJitter(hue=0.0)),
            ]
        ),
        "rotation": sheet([shown("Rotation", "boat", Rotation())]),
        "erasing": sheet(
            [
                shown("RandomErasing", "balloon", RandomErasing(), seed=2),
                shown("Cutout", "night", Cutout(length=64)),
            ]
        ),
        "policies": sheet(
            [
                shown("RandAugment", "fish", RandAugment(), seed=3),
                shown("TrivialAugment", "boat", TrivialAugment(), seed=1),
                shown("AutoAugment", "balloon", AutoAugment(), seed=1),
            ]
        ),
        "mixing": sheet(
            [
                shown("Mixup", "balloon", mixing=Mixup(), seed=11),
                shown("CutMix", "fish", mixing=CutMix(), seed=4),
                shown("StyleMixing", "boat", mixing=StyleMixing(), seed=8),
            ]
        ),
    }


DIGITS = "--config digits --method CrossEntropy --precision fp32 --threads 1 --accelerator cpu"
CONSTANT = "--schedule ConstantLR --schedule.factor 1 --optimizer.lr 0.2 --epochs 30"
VALIDATED = "--data.validation-per-class 50"
SEEDS = (0, 1, 2)
STRENGTHS = (0, 4, 8, 12, 16)
"""Of attacks, in 255ths."""
PARTS = (1, 2, 4, 8)


def measure(folder: Path) -> dict[str, object]:
    """Train on the embedded digits, and count what a step keeps in memory."""
    from selfdistill.evaluation.hardware import processor_name

    torch.set_num_threads(1)
    options = {"plain": "", "average": "--ema-decay 0.98"}
    curves = {
        name: [
            _curve(trained(folder / f"{name}{seed}", seed, f"{CONSTANT} {VALIDATED} {words}"))
            for seed in SEEDS
        ]
        for name, words in options.items()
    }
    options = {
        "plain": "",
        "against": f"--adversary.epsilon {16 / 255} --adversary.step-size {16 / 255}",
    }
    robust = {
        name: [attacked(trained(folder / f"r{name}{seed}", seed, words)) for seed in SEEDS]
        for name, words in options.items()
    }
    return {
        "machine": f"{processor_name()}, torch {torch.__version__}, fp32",
        "average": curves,
        "adversary": robust,
        "accumulation": {str(parts): kept_bytes(parts) for parts in PARTS},
    }


def trained(run: Path, seed: int, words: str) -> Path:
    """Train a network on digits."""
    argv = [*DIGITS.split(), *words.split(), "--seed", str(seed), "--out", str(run)]
    with contextlib.redirect_stdout(io.StringIO()):
        return train(parse(argv))


def _curve(run: Path) -> list[float]:
    lines = (run / "log.jsonl").read_text().splitlines()
    return [round(json.loads(line)["validation_accuracy"], 2) for line in lines]


def network(run: Path) -> sd.CrossEntropy:
    """The network of a run on digits, with the loss that attacks climb."""
    backbone = sd.create_backbone("small", 10)
    backbone.network.load_state_dict(load_file(run / "model" / "model.safetensors"))
    return sd.CrossEntropy(backbone).eval()


def attacked(run: Path) -> dict[str, float]:
    """Accuracy on the test digits under attacks of ten steps, by their strength."""
    method, splits = network(run), Digits().splits()
    found: dict[str, float] = {}
    for strength in STRENGTHS:
        images = attack(method, splits.test, splits.preprocessing, strength)
        hits = method(images, splits.test.labels).logits.argmax(1) == splits.test.labels
        found[str(strength)] = round(100 * hits.float().mean().item(), 2)
    return found


def attack(
    method: sd.CrossEntropy, images: ImageSet, preprocessing: Preprocessing, strength: int
) -> torch.Tensor:
    """Standardised images, each pixel changed by at most so many 255ths."""
    clean = preprocessing.standardise(images.images)
    if strength == 0:
        return clean
    box = strength / 255
    adversary = Adversary(epsilon=box, step_size=box / 4, steps=10)
    return pgd(method, clean, images.labels, adversary, preprocessing)


def kept_bytes(parts: int) -> int:
    """Bytes that the forward pass of one part of 128 images keeps for the backward pass."""
    method = sd.CrossEntropy(sd.create_backbone("resnet18_cifar", 100))
    kept: dict[int, int] = {}
    own = {parameter.untyped_storage().data_ptr() for parameter in method.parameters()}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    count = 128 // parts
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = method(torch.randn(count, 3, 32, 32), torch.arange(count) % 100)
    total = sum(kept.values())
    output.loss.backward()
    return total


def average_figure(curves: dict[str, list[list[float]]]) -> Figure:
    """Which steps an average of weights consists of, and what it does to the validation curve."""
    figure = Figure(figsize=(9.5, 3.1), dpi=100, layout="constrained")
    weights, accuracy = figure.subplots(1, 2, width_ratios=(1, 1.35))
    for steps, color in ((20, "#9ecae1"), (100, "#4292c6"), (1000, "#084594")):
        shares = np.array([average_share(0.98, step) for step in range(steps)])
        later = np.append(np.cumprod((1 - shares)[::-1])[:-1][::-1], 1.0)
        age = np.arange(steps)[::-1]
        weights.plot(age, 100 * shares * later, color=color, lw=2, label=f"after {steps} steps")
    weights.set(xlim=(100, 0), ylim=(0, None), xlabel="steps ago", ylabel="weight, %")
    weights.set_title("What the average consists of (decay 0.98)", loc="left", size=9.5)
    weights.legend(loc="upper left")
    looks = {"plain": ("weights of the last step", GREY), "average": ("their average", BLUE)}
    for name, (label, color) in looks.items():
        for number, curve in enumerate(curves[name]):
            epochs = np.arange(1, len(curve) + 1)
            accuracy.plot(epochs, curve, color=color, lw=1.4, label=None if number else label)
    accuracy.set(ylim=(80, 100), xlim=(1, None), xlabel="epoch", ylabel="validation accuracy, %")
    accuracy.set_title("Digits at a constant learning rate, three seeds", loc="left", size=9.5)
    accuracy.legend(loc="lower right")
    for panel in (weights, accuracy):
        panel.grid(visible=True)
    return figure


def accumulation_figure(kept: dict[str, int]) -> Figure:
    """What a part of a batch keeps for its backward pass."""
    figure = Figure(figsize=(9.5, 1.9), dpi=100, layout="constrained")
    panel = figure.subplots()
    names = [f"{parts} × {128 // int(parts)} images" for parts in kept]
    sizes = [size / 1e6 for size in kept.values()]
    panel.barh(names, sizes, color=BLUE, height=0.62)
    for row, size in enumerate(sizes):
        panel.text(size + 6, row, f"{size:.0f} MB", va="center")
    panel.invert_yaxis()
    panel.set_title(
        "Kept for the backward pass: resnet18_cifar, batch of 128 images of 32 pixels",
        loc="left",
        size=9.5,
    )
    panel.tick_params(left=False)
    panel.set(xlim=(0, 1.1 * max(sizes)), xlabel="megabytes")
    panel.spines["left"].set_visible(False)
    return figure


def adversary_figure(folder: Path, robust: dict[str, list[dict[str, float]]]) -> Figure:
    """Digits that a network takes for others once they are changed, and how many there are."""
    plain, against = network(folder / "rplain0"), network(folder / "ragainst0")
    splits, strength = Digits().splits(), 16
    test, preprocessing = splits.test, splits.preprocessing
    harder = attack(plain, test, preprocessing, strength)
    clean = preprocessing.standardise(test.images)
    before, after = (_opinions(plain, images) for images in (clean, harder))
    held = _opinions(against, attack(against, test, preprocessing, strength))
    wrong = (before[0] == test.labels) & (after[0] != test.labels) & (held[0] == test.labels)
    surest = (after[1] * wrong).argsort(descending=True).tolist()
    other = next(index for index in surest if test.labels[index] != test.labels[surest[0]])
    figure = Figure(figsize=(9.5, 3.9), dpi=100)
    scale = torch.tensor(preprocessing.std)[:, None, None]
    for row, index in enumerate((surest[0], other)):
        change = (harder[index] - clean[index]) * scale * 255 / strength
        cells = (
            (preprocessing.pixels(clean[index]), _said(before, index)),
            ((127.5 + 127.5 * change).round().to(torch.uint8), f"up to {strength}/255, enlarged"),
            (preprocessing.pixels(harder[index]), _said(after, index)),
        )
        for column, (pixels, words) in enumerate(cells):
            panel = figure.add_axes((0.005 + 0.185 * column, 0.56 - 0.5 * row, 0.15, 0.37))
            panel.imshow(pixels.permute(1, 2, 0).numpy(), interpolation="nearest")
            panel.axis("off")
            _below(panel, words, RED if column == 2 else INK)
            if column:
                panel.text(
                    -0.12,
                    0.5,
                    "+" if column == 1 else "=",
                    size=15,
                    ha="center",
                    va="center",
                    transform=panel.transAxes,
                )
    panel = figure.add_axes((0.66, 0.15, 0.33, 0.74))
    for name, label, color in (
        ("plain", "trained as usual", RED),
        ("against", "trained against an adversary", BLUE),
    ):
        values = np.array([[each[str(s)] for s in STRENGTHS] for each in robust[name]])
        panel.plot(STRENGTHS, values.mean(0), color=color, lw=2, marker="o", ms=4, label=label)
        panel.fill_between(STRENGTHS, values.min(0), values.max(0), color=color, alpha=0.15, lw=0)
    panel.set(ylim=(0, 100), xlabel="largest change of a pixel, 255ths", xticks=STRENGTHS)
    panel.set_title("Accuracy on attacked test digits, %", loc="left", size=9.5)
    panel.grid(visible=True)
    panel.legend(loc="lower left")
    return figure


def _opinions(method: sd.CrossEntropy, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.no_grad():
        probabilities = method.backbone(images).softmax(1)
    return probabilities.argmax(1), probabilities.amax(1)


def _said(opinions: tuple[torch.Tensor, torch.Tensor], index: int) -> str:
    return f"“{opinions[0][index]}”, {100 * opinions[1][index]:.0f} % sure"


def _below(panel: Axes, words: str, color: str) -> None:
    panel.text(0.5, -0.05, words, ha="center", va="top", color=color, transform=panel.transAxes)


def tables(measured: dict[str, dict[str, list[dict[str, float]]]]) -> str:
    """Accuracy under attack, as Markdown: the mean over seeds."""
    heading = ["trained", *(f"changed by up to {s}/255" if s else "unchanged" for s in STRENGTHS)]
    names = {"plain": "as usual", "against": "`--adversary.epsilon 0.063`"}
    rows = [
        [
            label,
            *(
                f"{np.mean([run[str(s)] for run in measured['adversary'][name]]):.1f}"
                for s in STRENGTHS
            ),
        ]
        for name, label in names.items()
    ]
    lines = [heading, ["---", *["--:"] * len(STRENGTHS)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    """Draw, after measuring if that is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--measure", action="store_true", help="train small networks first")
    parser.add_argument("--to", type=Path, default=FIGURES, help="folder of the pictures")
    given = parser.parse_args()
    given.to.mkdir(exist_ok=True)
    with mpl.rc_context(SETTINGS):
        if given.measure:
            with tempfile.TemporaryDirectory() as name:
                found = measure(Path(name))
                MEASURED.write_text(json.dumps(found, indent=1) + "\n")
                figure = adversary_figure(Path(name), found["adversary"])  # pyright: ignore
                save(figure, given.to / "adversary.png")
        measured = json.loads(MEASURED.read_text())
        figures = sheets() | {
            "average": average_figure(measured["average"]),
            "accumulation": accumulation_figure(measured["accumulation"]),
        }
        for name, figure in figures.items():
            save(figure, given.to / f"{name}.png")


def save(figure: Figure, path: Path) -> None:
    """Write a figure, without a date or a version."""
    figure.savefig(path, dpi=figure.dpi, metadata={"Software": None}, facecolor="white")


if __name__ == "__main__":
    main()
