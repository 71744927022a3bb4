"""The documented commands, as users type them, against what they printed before.

Figures are masked, since another processor finds others. SNAPSHOTS=write renews the files.
"""

import json
import os
import re
from pathlib import Path

import pytest

from painted import paint_all
from selfdistill import cli
from selfdistill.config import parse

SNAPSHOTS = Path(__file__).parent / "snapshots"
TRAINING = (
    "--backbone test_resnet --image-size 64 --epochs 2 --warmup-epochs 1 --batch-size 8 "
    "--precision fp32 --threads 1"
)
FINE_TUNING = (
    "train --data photos/ --backbone resnet18 --backbone.pretrained --image-size 224 "
    "--epochs 30 --batch-size 64 --optimizer AdamW --optimizer.lr 1e-3"
)
LINES = {
    "train_folder": f"train --data photos/ --method BYOT {TRAINING} --out runs/new",
    "train_again": f"train --data photos/ --method SKDSAM {TRAINING} --out runs/a",
    "train_help": "train --help",
    "quickstart_help": "quickstart --help",
    "export_help": "export --help",
    "evaluate": "evaluate runs/a",
    "evaluate_json": "evaluate runs/a --format json",
    "evaluate_split": "evaluate runs/b --split test --format table",
    "evaluate_data": "evaluate runs/a --data others",
    "predict_file": "predict runs/a photos/red/01.png --top-k 1",
    "predict_folder": "predict runs/a others/red --top-k 1",
    "predict_glob": "predict runs/a others/*/101.png --top-k 1 --format csv",
    "predict_exits": "predict runs/a others/red/101.png --top-k 1 --exits --format table",
    "predict_help": "predict --help",
    "exits_help": "exits --help",
    "predict_best": (
        "predict runs/a others/red/101.png --weights best-validation --format json --top-k 1"
    ),
    "predict_last": "predict runs/a/model others/red/101.png --weights last --top-k 1",
    "push_help": "push --help",
    "demo_help": "demo --help",
    "compare": "compare runs/a runs/b",
    "compare_csv": "compare runs/a runs/b --format csv --split validation",
    "compare_json": "compare runs/a runs/b --format json",
    "compare_markdown": "compare runs/a runs/b --format markdown",
    "methods": "methods",
    "methods_one": "methods skdsam",
    "backbones": "backbones resnet18*",
    "backbones_pretrained": "backbones resnet18* --pretrained",
    "recipes": "recipes",
    "recipes_one": "recipes cifar100/strong",
}
MISTAKES = {
    "no_such_folder": "train --data photoz/",
    "no_such_table": "train --data labels.csv",
    "typo_in_option": "train --data photos/ --image-sise 64",
    "missing_value": "train --data photos/ --image-size",
    "no_data": "train --config finetune",
    "no_weights": FINE_TUNING,
    "weights_nowhere": f"{FINE_TUNING} --backbone.pretrained=nowhere.safetensors",
    "no_such_backbone": "train --data photos/ --backbone resnet81",
    "no_such_run": "predict runs/z photos/red",
    "no_such_picture": "predict runs/a photos/violet",
    "no_such_repository": "push runs/a photos",
    "unfinished_push": "push photos owner/photos",
    "no_such_model": "predict hf:photos photos/red",
    "no_best_weights": "predict runs/c photos/red --weights best-validation",
    "exits_of_best": "predict runs/a photos/red --weights best-validation --exits",
    "exits_of_cross_entropy": "exits runs/b --risk 5%",
    "exits_without_validation": "exits runs/c --risk 5%",
    "exits_impossible": "exits runs/a --risk 0.1%",
    "exits_no_share": "exits runs/a --budget 60",
    "exits_twice": "exits runs/a --budget 0.6 --max-drop 1",
    "exits_not_fitted": "predict runs/a photos/red --early",
    "early_and_unsure": "predict runs/a photos/red --early --unsure 5%",
    "no_such_format": "compare runs/a --format xml",
    "no_such_split": "evaluate runs/a --split tset",
    "hyphen_missing": "evaluate runs/a -split test",
    "recipe_of_a_run": "evaluate runs/a --config scratch",
    "other_classes": "evaluate runs/a --data Digits",
    "no_test_read": "compare runs/a --split test",
    "bare_command": "predict",
    "export_elsewhere": "export runs/a --out runs/a.pt",
    "export_of_nothing": "export runs/z",
}


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    """A folder with pictures and three runs, to which every line is typed."""
    folder = tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("SELFDISTILL_CACHE", str(folder / "cache"))
        patch.setenv("HF_HUB_CACHE", str(folder / "hub"))
        patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        patch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder / "hub"))
        patch.setenv("COLUMNS", "100")
        patch.setenv("TERM", "dumb")
        paint_all(folder / "photos", 12)
        paint_all(folder / "others", 3, first=100)
        common = f"train --data photos/ {TRAINING}"
        for words in (
            f"{common} --method SKDSAM --out runs/a",
            f"{common} --method CrossEntropy --out runs/b",
            f"{common} --data.validation-share 0 --batch-size 10 --out runs/c",
        ):
            assert cli.main(words.split()) == 0
        yield folder


def masked(text):
    """Without figures and hashes, the spaces that make room for them, and folders of this test.

    Which epoch was best, and whether a class is weaker than others, is a matter of figures, too.
    """
    text = re.sub(r"\n  weakest .*", "", text)
    text = re.sub(r"epoch \d+ of \d+ was best, .*|no epoch was better", "BEST", text)
    text = re.sub(r"(?<![\w.])[0-9a-f]{8,64}(?![\w])", "#", text)
    text = re.sub(r"\d[\d,]*(\.\d+)?(e-?\d+)?", "#", text)
    text = re.sub(r"[+\-−]?#( [kM])?\b|[+\-−]#", "#", text)
    return re.sub(r" +\n", "\n", re.sub(r"[ \t]{2,}|─+", "  ", text)).strip() + "\n"


def check(name, text):
    file = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("SNAPSHOTS") == "write":
        file.write_text(text)
    assert text == file.read_text()


@pytest.mark.parametrize("name", LINES)
def test_a_documented_command(name, place, capsys):
    try:
        code = cli.main(LINES[name].split())
    except SystemExit as end:
        code = end.code
    said = capsys.readouterr()
    assert not code
    if name == "train_help":  # which classes are known depends on what else was imported
        said = said._replace(out="\n".join(re.findall(r"^  (--[\w.]+)", said.out, re.MULTILINE)))
    err = masked(said.err.replace(str(place), "PLACE"))
    check(name, f"$ selfdistill {LINES[name]}\n{masked(said.out)}{err}".rstrip() + "\n")


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line(name, capsys):
    before = sorted(Path().rglob("*"))
    code = cli.main(MISTAKES[name].split())
    said = capsys.readouterr()
    assert code == 2
    assert said.err.startswith("selfdistill: ")
    assert said.err.count("\n") == 1
    assert sorted(Path().rglob("*")) == before
    check(f"mistake_{name}", f"$ selfdistill {MISTAKES[name]}\n{said.err}")


def test_the_fine_tuning_line_says_all_it_decides(capsys):
    recipe = parse(FINE_TUNING.split()[1:]).recipe
    check("fine_tuning", f"{recipe.note}\n{json.dumps(recipe.values, indent=1)}\n")
    assert not capsys.readouterr().err
