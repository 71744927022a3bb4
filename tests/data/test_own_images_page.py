"""The tables that docs/own_images.md makes of official lists, on miniatures of these."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from selfdistill.data import LabelTable

PAGE = (Path(__file__).parents[2] / "docs" / "own_images.md").read_text()
SNIPPETS = dict(
    re.findall(r"\*\*([\w -]+)\*\*.*?```python\n(.*?)```", PAGE, re.DOTALL),
)
FILES = {
    split: [f"{name}/{name}_{i:03}.jpg" for name in ("ant_hill", "bee") for i in numbers]
    for split, numbers in (("train", range(7)), ("test", range(7, 10)))
}
FLAT = {split: [Path(file).name for file in files] for split, files in FILES.items()}


def cub():
    folder = Path("CUB_200_2011")
    folder.mkdir()
    files = [*FILES["train"], *FILES["test"]]
    (folder / "images.txt").write_text("".join(f"{i} {f}\n" for i, f in enumerate(files, 1)))
    (folder / "train_test_split.txt").write_text(
        "".join(f"{i} {int(f in FILES['train'])}\n" for i, f in enumerate(files, 1))
    )


def dogs():
    for split, files in FILES.items():
        savemat(f"{split}_list.mat", {"file_list": np.array(files, dtype=object)[:, None]})


def mit67():
    for split, files in FILES.items():
        Path(f"{split.title()}Images.txt").write_text("\n".join(files))


def stanford40():
    Path("ImageSplits").mkdir()
    for split, files in FLAT.items():
        Path(f"ImageSplits/{split}.txt").write_text("".join(f"{name}\n" for name in files))


SETS = {
    "CUB-200-2011": (cub, "cub.csv", "CUB_200_2011/images", FILES),
    "Stanford Dogs": (dogs, "dogs.csv", "Images", FILES),
    "MIT67": (mit67, "mit67.csv", "Images", FILES),
    "Stanford40": (stanford40, "stanford40.csv", "JPEGImages", FLAT),
}


@pytest.mark.parametrize("name", SETS)
def test_official_lists_become_a_table(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    make, table, root, files = SETS[name]
    make()
    for image in (*files["train"], *files["test"]):
        path = Path(root, image)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((9, 9), 50).save(path)
    exec(SNIPPETS[name])
    assert f"--data.root {root}`" in PAGE
    splits = LabelTable(table=table, root=root, image_size=8, cache_dir=tmp_path).splits()
    assert sorted(splits.files["test"]) == sorted(files["test"])
    assert sorted((*splits.files["train"], *splits.files["validation"])) == sorted(files["train"])
    assert splits.train.classes == ("ant_hill", "bee")
