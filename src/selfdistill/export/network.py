"""A network that is run from an exported file, in the place of one of torch's."""

from collections.abc import Callable
from typing import NamedTuple

from jaxtyping import Float, UInt8
from torch import Tensor, nn

from ..preprocessing import Preprocessing


class Answers(NamedTuple):
    """What an exported file gives for a batch of images."""

    probabilities: Float[Tensor, "batch classes"]
    logits: Float[Tensor, "batch classes"]


class ExportedNetwork(nn.Module):
    """An exported file as a network: standardised images in, its answers out.

    The file takes bytes. They are recovered from the standardised images, exactly.

    Args:
        run: Gives the file's answers for images as bytes.
        preprocessing: How the images were standardised.
    """

    def __init__(
        self,
        run: Callable[[UInt8[Tensor, "batch 3 height width"]], Answers],
        preprocessing: Preprocessing,
    ) -> None:
        super().__init__()
        self._run = run
        self._preprocessing = preprocessing

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Answers:
        """Answers for standardised images."""
        return self._run(self._preprocessing.pixels(images).contiguous())
