"""Training steps as the package takes them, on random images: what the other benchmarks measure."""

import torch

import selfdistill as sd
from selfdistill.config import parse
from selfdistill.data import Batches, Flip, ImageSet, PadCrop, Pipeline, Preprocessing
from selfdistill.evaluation import place
from selfdistill.methods import METHODS, Method
from selfdistill.training import engine
from selfdistill.training.compiling import compiled
from selfdistill.training.state import TrainState

PREPROCESSING = Preprocessing((32, 32), (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762))
WAYS = ("eager", "compiled", "graph of eager", "graph")
TAUGHT = "KD"
"""Needs a trained teacher, which no benchmark has."""


def methods() -> dict[str, type[Method]]:
    """The methods by name."""
    return {kind.__name__: kind for kind in METHODS if kind.__name__ != TAUGHT}


def random_images(count: int, device: torch.device, classes: int = 100) -> ImageSet:
    """Random bytes with labels: never zeros, which compute faster."""
    images = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8)
    labels = torch.arange(count) % classes
    return ImageSet(images, labels, tuple(map(str, range(classes)))).to(device)


class Training:
    """One method in training, and how to take its next step.

    Args:
        name: The method.
        way: One of WAYS.
        images: What it is trained on.
        backbone: A network by name.
        batch: Images of a step.
        precision: fp32 or bf16.
    """

    def __init__(
        self,
        name: str,
        way: str,
        images: ImageSet,
        *,
        backbone: str,
        batch: int,
        precision: str,
        channels_last: bool = True,
    ) -> None:
        device = images.images.device
        torch.manual_seed(0)
        method = methods()[name](sd.create_backbone(backbone, len(images.classes)))
        method = place(method, device) if channels_last else method.to(device)
        words = ["--config", "cifar100/thesis", "--method", name, "--batch-size", str(batch)]
        ingredients = parse([*words, "--data.root", "."]).ingredients
        fabric = engine.build(device, precision)
        self.batches = Batches(
            images,
            pipeline=Pipeline([PadCrop(), Flip()], PREPROCESSING),
            partner=method.partner,
            batch_size=batch,
            seed=0,
            device=device,
        )
        self.epoch = self.batches.epoch(0)
        module = None
        if way in ("compiled", "graph"):
            module = compiled(fabric, method.train(), self.epoch.batch(0))
            if module is None:
                raise RuntimeError(f"{name} does not compile here")
        self.state = TrainState(
            fabric,
            method.train(),
            ingredients,
            steps=10**9,
            images=len(images),
            way="graph" if way.startswith("graph") else way == "compiled",
            module=module,
        )

    def step(self) -> None:
        """Take a step, and begin again where the images end."""
        if self.state.step == self.batches.steps:
            self.state.step = 0
        self.state.train_step(self.epoch)
