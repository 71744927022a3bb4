"""What is exported: a network that takes bytes and gives probabilities."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram, export

from ..backbones import logits_of
from ..deployment import Model

ORIGINS = ("stack_trace", "nn_module_stack", "torch_fn", "source_fn_stack")
"""What a traced operation knows of the code it came from, paths of this machine among it."""


class Classifier(nn.Module):
    """Bytes in, probabilities and logits out: standardising and temperature are inside.

    Args:
        model: The trained network and what belongs to it.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.network = model.network
        scale, shift = model.transform.coefficients("cpu")
        self.register_buffer("scale", scale[:, None, None])
        self.register_buffer("shift", shift[:, None, None])
        self.temperature = model.probabilities.temperature

    def forward(
        self, images: UInt8[Tensor, "batch 3 height width"]
    ) -> tuple[Float[Tensor, "batch classes"], Float[Tensor, "batch classes"]]:
        logits = logits_of(self.network(images.float() * self.scale + self.shift))
        return (logits / self.temperature).softmax(1), logits


def trace(model: Model) -> ExportedProgram:
    """Trace a model from bytes to probabilities, for any number of images.

    Args:
        model: The trained network and what belongs to it.

    Raises:
        ValueError: If ``torch.export`` cannot trace the network.
    """
    images = torch.zeros(2, 3, *model.transform.size, dtype=torch.uint8)
    with torch.no_grad():
        try:
            program = export(
                Classifier(model).eval(), (images,), dynamic_shapes=({0: Dim.DYNAMIC},)
            )
        except Exception as error:  # a network of anybody's raises anything
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"{type(model.network).__name__} cannot be exported: torch.export does not trace "
                f"it for any number of images ({type(error).__name__}: {reason})"
            ) from error
    for node in program.graph.nodes:
        for origin in ORIGINS:
            node.meta.pop(origin, None)
    return program
