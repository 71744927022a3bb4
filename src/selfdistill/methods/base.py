"""What a training method is."""

import abc
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..backbones import Backbone
from ..losses import at_least_single
from ..pairing import Partner
from ..preprocessing import Preprocessing

Images = Float[Tensor, "*views batch channels height width"]
Labels = Int[Tensor, " batch"] | Float[Tensor, "batch classes"]


class Output(NamedTuple):
    """What a method makes of one batch."""

    terms: dict[str, Float[Tensor, ""]]
    """Each part of the loss, already weighted."""
    logits: Float[Tensor, "batch classes"]
    """Predictions, for the first view, of the network that will be deployed."""

    @property
    def loss(self) -> Float[Tensor, ""]:
        """Sum of the terms."""
        return torch.stack(tuple(self.terms.values())).sum()


class Inspection(NamedTuple):
    """What a method can show of its insides for given images."""

    exits: dict[str, Float[Tensor, "batch classes"]]
    """Logits by name: ``network`` first; ``exit1`` (shallowest) … , ``fusion``, ``aggregate``."""
    attention: Float[Tensor, "batch stages"] | None = None
    """Each shallow stage's share, image by image; rows sum to one."""


class Context(NamedTuple):
    """Where in training a batch stands, for methods that set ``needs_context``."""

    indices: Int[Tensor, " batch"]
    """Which training images these are, in the training split's order."""
    epoch: Int[Tensor, ""]
    progress: Float[Tensor, ""]
    """Share of training done before this batch, in ``[0, 1)``."""
    memory: Float[Tensor, "batch classes"] | None = None
    """For methods that set ``remembers``: what :meth:`Method.remember` kept of each image when it
    was last seen; zeros for one not seen yet."""

    partner_labels: Labels | None = None
    """Labels of the second view's images, where they are those of the batch before; the memory is
    of these images, too."""

    def remembered(self) -> Float[Tensor, "batch classes"]:
        """The memory.

        Raises:
            ValueError: If none was passed.
        """
        if self.memory is None:
            raise ValueError(
                "this method remembers images: pass Context(indices, epoch, progress, memory) with "
                "what method.remember gave for each when it was last seen, or zeros"
            )
        return self.memory


class Method(nn.Module, abc.ABC):
    """A backbone, whatever is bolted on to train it, and the loss that trains them both.

    Only the backbone is kept once training ends. ``method(images, labels)`` computes the loss;
    a method with ``needs_context`` takes a keyword ``context`` too, and one that ``remembers`` says
    through :meth:`remember` what the next context is to bring.

    Args:
        backbone: The network to train.

    Raises:
        ValueError: If the backbone has fewer stages than the method needs.
    """

    partner: ClassVar[Partner] = Partner.NONE
    """With a partner, ``images`` is ``(2, batch, channels, height, width)``."""
    needs_context: ClassVar[bool] = False
    remembers: ClassVar[bool] = False
    """The context, which it needs, holds a ``memory`` of each image."""
    rotates_images: ClassVar[bool] = False
    """The method rotates its images; augmentations that rotate are refused."""
    minimum_stages: ClassVar[int] = 1
    weight_arguments: ClassVar[tuple[str, ...]] = ()
    """Constructor arguments that are paths of trained weights: recipes hold the weights' hash."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        if len(backbone.channels) < self.minimum_stages:
            raise ValueError(
                f"{type(self).__name__} needs a backbone of at least {self.minimum_stages} stages; "
                f"this one has {len(backbone.channels)}: choose a deeper network"
            )
        self.backbone = backbone

    def adapt(self, classes: tuple[str, ...], preprocessing: Preprocessing) -> str:
        """Adapt to the images before training on them, and say what was adapted, if anything.

        Args:
            classes: Names of the classes that the labels count.
            preprocessing: How the images are prepared.

        Raises:
            ValueError: If the method cannot be trained on them.
        """
        del classes, preprocessing
        return ""

    @abc.abstractmethod
    def forward(self, images: Images, labels: Labels) -> Output:
        """Compute the loss of one batch.

        Args:
            images: Augmented and standardised.
            labels: Classes; or rows of shape (batch, classes) that say how much of each class an
                image shows, times the image's weight. Rows sum to 1, unless classes are balanced.
        """

    def remember(
        self, memory: Float[Tensor, "batch classes"], logits: Float[Tensor, "batch classes"]
    ) -> Float[Tensor, "batch classes"]:
        """What to keep of each image until it is seen again: the network's probabilities.

        It is kept in half precision, outside of the method and its state.

        Args:
            memory: What was kept before; zeros for an image not seen yet.
            logits: The batch's :attr:`Output.logits`, detached.
        """
        del memory
        return at_least_single(logits).softmax(1)

    if TYPE_CHECKING:

        def __call__(
            self, images: Images, labels: Labels, *, context: Context | None = None
        ) -> Output: ...

    def inspect(self, images: Float[Tensor, "batch channels height width"]) -> Inspection:
        """Logits of every exit, and the attention where there is one."""
        return Inspection({"network": self.backbone(images)})
