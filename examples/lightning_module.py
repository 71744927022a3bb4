"""A method as a LightningModule: pip install "pytorch-lightning!=2.6.2,!=2.6.3"."""

import pytorch_lightning as lightning
import torch
from torch.utils.data import DataLoader, TensorDataset

import selfdistill as sd
from selfdistill.data import Digits, ImageSet, Splits, standardise


class SelfDistillation(lightning.LightningModule):
    """Trains a method, and tests the plain network."""

    def __init__(self, method: sd.Method, lr: float = 0.05) -> None:
        super().__init__()
        self.method, self.lr = method, lr

    def training_step(self, batch, batch_index) -> torch.Tensor:
        output = self.method(*batch)
        self.log_dict(output.terms)
        return output.loss

    def test_step(self, batch, batch_index) -> None:
        images, labels = batch
        self.log("accuracy", (self.method.backbone(images).argmax(1) == labels).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.method.parameters(), self.lr, momentum=0.9)


def main(epochs: int = 10) -> float:
    """Train a small network on the embedded digits; its share of right answers."""
    splits = Digits(train_per_class=20).splits()
    torch.manual_seed(0)
    module = SelfDistillation(sd.SKDSAM(sd.create_backbone("small", num_classes=10)))
    trainer = lightning.Trainer(max_epochs=epochs, accelerator="cpu", logger=False)
    trainer.fit(module, loader(splits, splits.train, 32))
    return trainer.test(module, loader(splits, splits.test, 500))[0]["accuracy"]


def loader(splits: Splits, images: ImageSet, batch_size: int) -> DataLoader:
    """Batches of standardised images and their classes."""
    pairs = TensorDataset(standardise(images.images, splits.mean, splits.std), images.labels)
    return DataLoader(pairs, batch_size, shuffle=images is splits.train)


if __name__ == "__main__":
    print(f"{main():.1%} of the test images are right")
