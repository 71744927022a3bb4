"""The one thing every method asks of a network: logits, and the feature maps along the way."""

import abc
from typing import TYPE_CHECKING, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

Images = Float[Tensor, "batch channels height width"]
Map = Float[Tensor, "batch _ _ _"]
Logits = Float[Tensor, "batch classes"]


class Stages(NamedTuple):
    """What one pass through a backbone yields."""

    features: tuple[Map, ...]
    """The feature map at the end of each stage, shallow to deep."""
    logits: Logits


Arguments = dict[str, int | tuple[int, int]]


class Architecture(NamedTuple):
    """What :func:`~selfdistill.create_backbone` needs to build a network again."""

    name: str
    arguments: Arguments


class Backbone(nn.Module, abc.ABC):
    """A classifier that also shows the feature maps at the end of its stages.

    Args:
        network: The plain module: what is trained, saved and deployed.
        channels: Channels of each stage's map, shallow to deep.
        reductions: Input height divided by each map's height.
        signed: Whether the last map takes negative values (no ReLU stands before it).
        num_classes: Classes that the logits tell apart.
        input_size: Channels, height and width that the declarations hold for.
        architecture: How to build the network again; None for a module that a user passed.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        channels: tuple[int, ...],
        reductions: tuple[float, ...],
        signed: bool,
        num_classes: int,
        input_size: tuple[int, int, int],
        architecture: Architecture | None = None,
    ) -> None:
        super().__init__()
        assert len(channels) == len(reductions) >= 1
        self.network = network
        self.channels = channels
        self.reductions = reductions
        self.signed = signed
        self.num_classes = num_classes
        in_chans, height, width = map(int, input_size)  # numpy's could not be written to files
        self.input_size = (in_chans, height, width)
        self.architecture = architecture

    @abc.abstractmethod
    def stages(self, images: Images) -> Stages:
        """Classify, keeping every stage's feature map."""

    def forward(self, images: Images) -> Logits:
        """Classify. Equals ``stages(images).logits`` and is what gets deployed."""
        return self.network(images)

    if TYPE_CHECKING:

        def __call__(self, images: Images) -> Logits: ...


def classifier_parameters(backbone: Backbone) -> list[nn.Parameter]:
    """Parameters of the classifier: what is new where a network starts from trained weights.

    timm's networks name it; of others it is the last layer with as many outputs as classes.
    """
    network = backbone.network
    if hasattr(network, "get_classifier"):
        heads = network.get_classifier()  # pyright: ignore[reportCallIssue]
        heads = heads if isinstance(heads, tuple) else (heads,)
    else:
        weights = ((module, getattr(module, "weight", None)) for module in network.modules())
        heads = [
            module
            for module, weight in weights
            if isinstance(weight, nn.Parameter)
            and weight.ndim > 1
            and len(weight) == backbone.num_classes
        ][-1:]
    return [p for head in heads if isinstance(head, nn.Module) for p in head.parameters()]
