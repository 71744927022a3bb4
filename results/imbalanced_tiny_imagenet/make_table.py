import csv
from pathlib import Path

root = Path("tiny-imagenet-200")
classes = (root / "wnids.txt").read_text().split()[:10]
lines = (root / "val" / "val_annotations.txt").read_text().splitlines()
val = [line.split("\t")[:2] for line in lines]
rows = []
for k, name in enumerate(classes):
    pictures = sorted((root / "train" / name / "images").glob("*.JPEG"))
    kept = round(400 * 50 ** (-k / 9))  # 400, 259, 168 … 12, 8: 50 to 1
    parts = ["train"] * kept + ["unused"] * (450 - kept) + ["val"] * 50
    rows += [(p.relative_to(root), name, part) for p, part in zip(pictures, parts, strict=True)]
    rows += [(f"val/images/{file}", name, "test") for file, label in val if label == name]
with Path("imbalanced.csv").open("w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(("image", "label", "split"))
    writer.writerows(row for row in rows if row[2] != "unused")
