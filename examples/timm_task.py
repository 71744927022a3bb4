"""A method as a ``TrainingTask`` of timm: for its training loop, checkpoints, averages."""

import torch
from timm.task import TrainingTask
from timm.utils import unwrap_model
from torch import nn

import selfdistill as sd
from selfdistill.data import Digits, standardise


class SelfDistillation(TrainingTask):
    """Trains a method; evaluates and saves the plain network."""

    def __init__(self, method: sd.Method) -> None:
        super().__init__()
        self.trainable_module = method

    def forward(self, input, target) -> dict[str, torch.Tensor]:
        output = self.trainable_module(input, target)
        return {"loss": output.loss, "output": output.logits, **output.terms}

    def get_eval_model(self, module=None, ema=False) -> nn.Module | None:
        module = module or self.get_trainable_module(ema)
        return module and unwrap_model(module).backbone.network


def main(steps: int = 60) -> float:
    """Train a small network on the embedded digits; its share of right answers."""
    splits = Digits(train_per_class=20).splits()
    torch.manual_seed(0)
    task = SelfDistillation(sd.SKDSAM(sd.create_backbone("small", num_classes=10)))
    task.setup_ema(decay=0.9)
    optimizer = torch.optim.SGD(task.get_trainable_module().parameters(), lr=0.05, momentum=0.9)
    for _ in range(steps):
        chosen = torch.randint(len(splits.train), (32,))
        images = standardise(splits.train.images[chosen], splits.mean, splits.std)
        task(images, splits.train.labels[chosen])["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()
        task.update_ema()

    network = task.get_eval_model(ema=True).eval()
    with torch.no_grad():
        logits = network(standardise(splits.test.images, splits.mean, splits.std))
    return float((logits.argmax(1) == splits.test.labels).float().mean())


if __name__ == "__main__":
    print(f"{main():.1%} of the test images are right")
