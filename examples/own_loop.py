"""SKDSAM in a loop of one's own: a method is an ``nn.Module`` that computes its loss."""

import torch

import selfdistill as sd
from selfdistill.data import Digits, standardise


def main(steps: int = 60) -> float:
    """Train a small network on the embedded digits; its share of right answers."""
    splits = Digits(train_per_class=20).splits()
    torch.manual_seed(0)
    method = sd.SKDSAM(sd.create_backbone("small", num_classes=10))
    optimizer = torch.optim.SGD(method.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    for _ in range(steps):
        chosen = torch.randint(len(splits.train), (32,))
        images = standardise(splits.train.images[chosen], splits.mean, splits.std)
        loss = method(images, splits.train.labels[chosen]).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    network = method.backbone.network.eval()  # the plain network: all that is deployed
    with torch.no_grad():
        logits = network(standardise(splits.test.images, splits.mean, splits.std))
    return float((logits.argmax(1) == splits.test.labels).float().mean())


if __name__ == "__main__":
    print(f"{main():.1%} of the test images are right")
