"""What a method keeps of each training image from one time it is seen to the next."""

import torch
from jaxtyping import Float, Int64
from lightning_fabric import Fabric
from torch import Tensor

from ..methods import Method


class ImageMemory:
    """A row of numbers for each training image, in half precision; every process holds all rows.

    It is no buffer of the method: an average of the weights has none, processes need not send each
    other all of it at each step, and what is deployed never holds it.
    """

    def __init__(self, fabric: Fabric, images: int, classes: int) -> None:
        self.fabric = fabric
        self.rows = torch.zeros(images, classes, dtype=torch.float16, device=fabric.device)

    def read(self, indices: Int64[Tensor, " batch"]) -> Float[Tensor, "batch classes"]:
        """The rows of images, in single precision."""
        return self.rows[indices].float()

    def update(
        self,
        method: Method,
        indices: Int64[Tensor, " batch"],
        logits: Float[Tensor, "batch classes"],
    ) -> None:
        """Keep what the method remembers of a batch, in all processes; all must call at once.

        Of an image that a batch shows several times, the last counts.
        """
        rows = method.remember(self.read(indices), logits).to(self.rows.dtype)
        if self.fabric.world_size > 1:
            gathered = self.fabric.all_gather((indices, rows))
            indices, rows = (values.flatten(0, 1) for values in gathered)
        places = torch.arange(len(indices), device=indices.device)
        same = indices[:, None] == indices
        # without this, which of several wins would be the device's choice
        self.rows[indices] = rows[torch.where(same, places, -1).amax(1)]
