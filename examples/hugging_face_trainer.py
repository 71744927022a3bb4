"""A method as a model for Hugging Face's Trainer: pip install "transformers[torch]"."""

import torch
from torch import nn
from transformers import Trainer, TrainingArguments

import selfdistill as sd
from selfdistill.data import Digits, ImageSet, Splits, standardise


class SelfDistillation(nn.Module):
    """Gives the method's loss in training, and the plain network's logits."""

    def __init__(self, method: sd.Method) -> None:
        super().__init__()
        self.method = method

    def forward(self, pixel_values, labels) -> dict[str, torch.Tensor]:
        if self.training:
            output = self.method(pixel_values, labels)
            return {"loss": output.loss, "logits": output.logits}
        logits = self.method.backbone(pixel_values)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def main(epochs: int = 10, folder: str = "runs/trainer") -> float:
    """Train a small network on the embedded digits; its share of right answers."""
    splits = Digits(train_per_class=20).splits()
    torch.manual_seed(0)
    trainer = Trainer(
        SelfDistillation(sd.SKDSAM(sd.create_backbone("small", num_classes=10))),
        TrainingArguments(
            folder,
            num_train_epochs=epochs,
            per_device_train_batch_size=32,
            per_device_eval_batch_size=500,
            learning_rate=2e-3,
            use_cpu=True,
            report_to="none",
            save_strategy="no",
        ),
        train_dataset=examples(splits, splits.train),
        eval_dataset=examples(splits, splits.test),
        compute_metrics=lambda found: {
            "accuracy": float((found.predictions.argmax(1) == found.label_ids).mean())
        },
    )
    trainer.train()
    return trainer.evaluate()["eval_accuracy"]


def examples(splits: Splits, images: ImageSet) -> list[dict[str, torch.Tensor]]:
    """Standardised images and their classes, as the Trainer collates them."""
    pixels = standardise(images.images, splits.mean, splits.std)
    pairs = zip(pixels, images.labels, strict=True)
    return [{"pixel_values": image, "labels": label} for image, label in pairs]


if __name__ == "__main__":
    print(f"{main():.1%} of the test images are right")
