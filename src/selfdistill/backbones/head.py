"""The classifier at the end of a network."""

from torch import nn

from .base import Backbone


def classifier_parameters(backbone: Backbone) -> list[nn.Parameter]:
    """Parameters of the classifier: what is new where a network starts from trained weights.

    timm's networks name it; of others it is the last layer with as many outputs as classes.
    """
    network = backbone.network
    if hasattr(network, "get_classifier"):
        heads = network.get_classifier()  # pyright: ignore[reportCallIssue]
        heads = heads if isinstance(heads, tuple) else (heads,)
        named = [head for head in heads if isinstance(head, nn.Module)]
        return [parameter for head in named for parameter in head.parameters()]
    layers = [
        module
        for module in network.modules()
        if isinstance(weight := getattr(module, "weight", None), nn.Parameter)
        and weight.ndim > 1
        and len(weight) == backbone.num_classes
    ]
    return list(layers[-1].parameters()) if layers else []
