"""Methods with one fault each, and one that asks for everything a method may ask for."""

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

from selfdistill.losses import at_least_single, cross_entropy
from selfdistill.methods.base import Inspection, Method, Output
from selfdistill.pairing import Partner


class Sound(Method):
    def forward(self, images, labels):
        logits = self.backbone(images)
        return Output({"labels": self.loss(logits, labels)}, logits)

    def loss(self, logits, labels):
        return cross_entropy(logits, labels).mean()


class Everything(Method):
    """Two views, a context, and a memory of each image's last prediction, in a buffer."""

    partner = Partner.SAME_IMAGE
    needs_context = True

    def __init__(self, backbone):
        super().__init__(backbone)
        self.register_buffer("memory", torch.zeros(8, backbone.num_classes))

    def forward(self, images, labels, *, context):
        logits = self.backbone(images[0])
        remembered = self.memory[context.indices]
        if self.training:
            indices, values = self.gather(context.indices), self.gather(logits.detach())
            self.memory = self.memory.index_copy(0, indices, values.to(self.memory.dtype))
        change = at_least_single(self.backbone(images[1])) - remembered
        terms = {
            "labels": cross_entropy(logits, labels).mean(),
            "consistency": 0.1 * change.square().mean(),
        }
        return Output(terms, logits)

    def gather(self, values):
        """Those of all processes."""
        if not dist.is_initialized():
            return values
        parts = [torch.empty_like(values) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, values)
        return torch.cat(parts)


class RemembersAlone(Everything):
    """Each process remembers its own images."""

    def gather(self, values):
        return values


class NotANumber(Sound):
    def loss(self, logits, labels):
        return super().loss(logits, labels) + (logits - 1e9).clamp_max(0).mul(0).log().sum() * 0


class ChangesImages(Sound):
    def forward(self, images, labels):
        return super().forward(images.mul_(0.5), labels)


class LosesDouble(Sound):
    def loss(self, logits, labels):
        return cross_entropy(logits.float(), labels).mean()


class HalfLoss(Sound):
    def loss(self, logits, labels):
        return -(logits.softmax(1) * F.one_hot(labels, 5)).sum(1).mean()


class LeavesOut(Output):
    @property
    def loss(self):
        return self.terms["labels"]


class UnsummedTerm(Sound):
    def forward(self, images, labels):
        terms, logits = super().forward(images, labels)
        return LeavesOut({**terms, "extra": logits.square().mean()}, logits)


class WrongLogits(Sound):
    def forward(self, images, labels):
        terms, logits = super().forward(images, labels)
        return Output(terms, logits / 3)


class UnusedParameter(Sound):
    def __init__(self, backbone):
        super().__init__(backbone)
        self.unused = nn.Linear(2, 2)


class Unfreezes(Sound):
    def __init__(self, backbone):
        super().__init__(backbone.requires_grad_(True))


class AddsLayer(Sound):
    def __init__(self, backbone):
        super().__init__(backbone)
        backbone.network.extra = nn.Linear(8, 8)


class SwapsActivation(Sound):
    def __init__(self, backbone):
        super().__init__(backbone)
        backbone.network.blocks[2][2] = nn.GELU()


class ChangesWeights(Sound):
    def __init__(self, backbone):
        super().__init__(backbone)
        nn.init.zeros_(backbone.network.head.bias)


class CopiesBackbone(Sound):
    def __init__(self, backbone):
        super().__init__(type(backbone)())


class FirstImageCounts(Sound):
    def loss(self, logits, labels):
        return super().loss(logits, labels) + cross_entropy(logits, labels)[0]


class Unlearns(Sound):
    def loss(self, logits, labels):
        return -super().loss(logits, labels)


class Forgets(Sound):
    """Keeps what it has learned outside its state."""

    scale = 1.0

    def loss(self, logits, labels):
        if self.training:
            self.scale *= 0.9
        return self.scale * super().loss(logits, labels)


class RemembersPlaces(Everything):
    """Remembers by place in the batch what it should remember by image."""

    def forward(self, images, labels, *, context):
        places = torch.arange(len(context.indices))
        return super().forward(images, labels, context=context._replace(indices=places))


class ForgetsImages(Everything):
    """Keeps its memory of images out of its state; only training uses it."""

    def __init__(self, backbone):
        super().__init__(backbone)
        self.register_buffer("memory", self.memory, persistent=False)

    def forward(self, images, labels, *, context):
        terms, logits = super().forward(images, labels, context=context)
        return Output(terms if self.training else {"labels": terms["labels"]}, logits)


class HardLabelsOnly(Sound):
    def loss(self, logits, labels):
        return super().loss(logits, labels if labels.ndim == 1 else labels.argmax(1) * 0)


class WeighsNothing(Sound):
    def loss(self, logits, labels):
        return super().loss(logits, labels if labels.ndim == 1 else F.normalize(labels, p=1.0))


class NetworkNotFirst(Sound):
    def inspect(self, images):
        logits = self.backbone(images)
        return Inspection({"exit1": logits, "network": logits})


class UnequalShares(Sound):
    def inspect(self, images):
        logits = self.backbone(images)
        return Inspection({"network": logits}, logits.sigmoid())


class SumsBatch(Sound):
    def loss(self, logits, labels):
        return cross_entropy(logits, labels).sum()


class LostDetach(Sound):
    """An exit whose teacher, the network's logits, learns from it."""

    def __init__(self, backbone):
        super().__init__(backbone)
        self.exit = nn.Linear(backbone.channels[0], backbone.num_classes)

    def forward(self, images, labels):
        features, logits = self.backbone.stages(images)
        z = self.exit(features[0].mean((2, 3)))
        terms = {
            "labels": cross_entropy(logits, labels).mean(),
            "distillation": cross_entropy(z, logits.softmax(1)).mean(),
        }
        return Output(terms, logits)


class MixesMemories(Sound):
    needs_context = True
    remembers = True

    def forward(self, images, labels, *, context):
        return super().forward(images, labels)

    def remember(self, memory, logits):
        return memory + logits.mean(0)


class RemembersTooMuch(MixesMemories):
    def remember(self, memory, logits):
        return memory + 1e6
