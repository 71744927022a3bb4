"""The model card of a published run: what the network is, how good, for what, and its limits."""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

import jinja2
from huggingface_hub import EvalResult, ModelCardData

from ..terminal import shown_name
from ..version import __version__
from .ending import duration
from .examined import share_interval
from .run import ClassScore, StoredRun
from .sections.cost import count
from .table import markdown

MAX_NAMES = 10
"""Classes that the first sentence names, and the table."""
DATA_SETS = {
    "ImageFolder": ("imagefolder", "pictures of one's own"),
    "LabelTable": ("imagefolder", "pictures of one's own"),
    "HuggingFace": ("parquet", "a Hugging Face set"),
    "CIFAR10": ("cifar10", "CIFAR-10"),
    "CIFAR100": ("cifar100", "CIFAR-100"),
    "FashionMNIST": ("fashion_mnist", "Fashion-MNIST"),
    "TinyImageNet": ("tiny-imagenet", "Tiny ImageNet"),
    "Digits": ("digits", "handwritten digits of scikit-learn"),
}
"""Kinds of images, with the type and the name that a card gives them."""


class CardNetwork(NamedTuple):
    """What a card says of a network that its run's summary does not tell."""

    architecture: str
    height: int
    """Of its images in pixels, as is the width."""
    width: int
    named: bool
    """Whether it can be rebuilt by its name alone."""
    in_timm: bool
    beginning: str = ""
    """A sentence on whose weights training began with."""


def model_card(
    run: StoredRun,
    repository: str,
    network: CardNetwork,
    *,
    files: Collection[str],
    options: Iterable[str] = (),
    licence: str | None = None,
) -> str:
    """Write the card of a run, metadata included.

    Args:
        run: A finished run, in its directory.
        repository: ``owner/name``.
        network: What is published.
        files: Names of the published files.
        options: Options of ``train`` that say where images and weights lie.
        licence: Its name on the hub.

    Raises:
        ValueError: If the summary tells no scores.
    """
    split = "test" if "test" in run.scores else "validation"
    scores, images = run.exit_scores(split).get("network"), run.num_images(split)
    if scores is None or images is None:
        raise ValueError(f"{run.path} tells no scores: evaluate it first (selfdistill evaluate)")
    temperature = (run.temperatures or {}).get("network")
    scaled = run.scaled_scores(split).get("network") if temperature else None
    names = [markdown(name) for name in run.classes]
    metadata = _metadata(run, repository, network, split, scaled, licence)
    return _template().render(
        card_data=metadata.to_yaml(),
        title=repository.rpartition("/")[2],
        repository=repository,
        run=run,
        version=__version__,
        network=network,
        parameters=count(run.cost.parameters),
        classes=names,
        shown_classes=names[:MAX_NAMES],
        temperature=temperature,
        split=split,
        images=f"{images:,}",
        scores=scores,
        interval=share_interval(round(scores["accuracy"] * images / 100), images),
        scaled=scaled,
        weakest=_weakest(names, run.class_scores(split)),
        training=list(_training(run)),
        options="".join(f" --{name} …" for name in options),
        files=files,
        licence=licence,
        beginning=network.beginning,
    )


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("selfdistill.reports"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("model_card.md")


def _metadata(
    run: StoredRun,
    repository: str,
    network: CardNetwork,
    split: str,
    scaled: dict[str, float] | None,
    licence: str | None,
) -> ModelCardData:
    library = "timm" if network.in_timm else "selfdistill"
    kind = str(run.fields["data.class_path"])
    data_type, data_name = DATA_SETS.get(kind, ("other", "images passed in Python"))
    accuracy = run.scores[split].accuracy / 100
    values = {"accuracy": ("accuracy", accuracy)}
    if scaled:
        values["nll"] = ("negative log-likelihood, with the temperature", scaled["nll"])
        values["ece"] = ("expected calibration error, with the temperature", scaled["ece"] / 100)
    results = [
        EvalResult(
            task_type="image-classification",
            task_name="image classification",
            dataset_type=data_type,
            dataset_name=data_name,
            dataset_split=split,
            metric_type=metric,
            metric_name=name,
            metric_value=round(value, 6),
        )
        for metric, (name, value) in values.items()
    ]
    return ModelCardData(
        license=licence,
        library_name=library,
        pipeline_tag="image-classification",
        tags=["image-classification", library, "selfdistill", "self-distillation"],
        model_name=repository.rpartition("/")[2],
        eval_results=results,
    )


def _weakest(names: list[str], scores: tuple[ClassScore, ...]) -> list[tuple[str, ClassScore]]:
    seen = [pair for pair in zip(names, scores, strict=False) if pair[1].f1 is not None]
    return sorted(seen, key=lambda pair: pair[1].f1 or 0.0)[:MAX_NAMES]


def _training(run: StoredRun) -> Iterator[tuple[str, str]]:
    """What was done, in pairs of words."""
    fields, environment = run.fields, run.environment
    counts = ((run.num_images(split), split) for split in ("train", "validation", "test"))
    yield "images", ", ".join(f"{number:,} {split}" for number, split in counts if number)
    yield "method", run.method
    stopped = run.summary.get("stopped_early")
    yield "epochs", str(stopped or fields.get("epochs"))
    division = fields.get("data.split_seed")
    said = "" if division is None else f"; {division} for the division of the images"
    yield "seed", f"{run.seed} for initial weights, order and augmentation{said}"
    yield "precision", str(fields.get("precision"))
    machine = [str(environment.get(name)) for name in ("device", "processor")]
    yield "computed on", markdown(", ".join(dict.fromkeys(machine)))
    yield "duration", duration(run.cost.seconds)
    packages = environment.get("packages")
    versions = packages if isinstance(packages, dict) else {}
    known = {"python": environment.get("python"), **versions}
    yield "versions", ", ".join(f"{name} {shown_name(str(of))}" for name, of in known.items())
