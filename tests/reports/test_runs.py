import json
import subprocess
import sys
from pathlib import Path

import pytest

from selfdistill.reports import read
from selfdistill.reports.grouping import group
from selfdistill.reports.read_run import parse


def labels_of(summaries):
    return list(group(summaries))


def test_a_directory_and_a_copy_of_its_summary_read_alike(content, tmp_path):
    directory, copy = tmp_path / "run", tmp_path / "KD-s2.json"
    directory.mkdir()
    text = json.dumps(content("KD", seed=2, accuracy=96.5, temperature=4))
    copy.write_text(text)
    (directory / "summary.json").write_text(text)
    one, other = read(directory), read(copy)
    assert (one.method, one.seed, one.scores["test"].accuracy) == ("KD", 2, 96.5)
    assert set(one.scores) == {"test"}
    assert (one.fields, one.cost) == (other.fields, other.cost)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"recipe.yaml": "seed: 0"}, r"is unfinished: repeat its train .*no summary\.json"),
        ({"notes.txt": ""}, "is no run: it has no summary.json"),
        ({"summary.json": "{"}, "is not valid JSON"),
        ({"summary.json": "[]"}, "holds a list, expected an object"),
        ({"summary.json": '{"format": 2}'}, "format 2, and this version reads 1"),
        ({"summary.json": '{"format": 1}'}, "lacks 'recipe'"),
    ],
)
def test_what_is_no_finished_run_is_refused_in_one_line(tmp_path, files, message):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_path_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no run at"):
        read(tmp_path / "nowhere")


def test_a_row_is_one_recipe_over_seeds(run):
    rows = group([run("KD", seed=1, rate=3), run("KD", seed=0, rate=3), run("KD", seed=0, rate=4)])
    assert [[r.seed for r in row] for row in rows.values()] == [[0, 1], [0]]


def test_another_split_is_another_row(run):
    assert labels_of([run(), run(split_hash="aabbccddee")]) == [
        "CrossEntropy split_hash=11223344",
        "CrossEntropy split_hash=bbccddee",
    ]


def test_the_same_run_twice_is_refused_with_both_paths(run):
    with pytest.raises(ValueError, match=r"runs/a and runs/b are .* \(seed 0\)"):
        group([run(path="runs/a"), run(path="runs/b")])


def test_a_label_names_the_method_and_only_what_tells_rows_apart(run):
    assert labels_of([run(), run("SKDSAM", temperature=3), run("KD", temperature=4)]) == [
        "CrossEntropy",
        "SKDSAM",
        "KD",
    ]
    assert labels_of(
        [run(), run("SKDSAM", temperature=3, share=0.5), run("SKDSAM", temperature=4.0, share=0.5)]
    ) == ["CrossEntropy", "SKDSAM temperature=3", "SKDSAM temperature=4"]


def test_a_label_names_parts_by_what_they_are(run):
    adam = {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.001}}
    fast = {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.003}}
    assert labels_of([run(recipe={"optimizer": o}) for o in (adam, fast)] + [run()]) == [
        "CrossEntropy lr=0.001",
        "CrossEntropy lr=0.003",
        "CrossEntropy optimizer=SGD",
    ]
    assert labels_of([run(), run(recipe={"backbone": {"name": "vit.tiny"}})]) == [
        "CrossEntropy backbone=resnet8.small",
        "CrossEntropy backbone=vit.tiny",
    ]
    assert labels_of([run(), run(recipe={"augment": []})]) == [
        "CrossEntropy augment.0=Crop",
        "CrossEntropy",
    ]


def test_fields_of_the_same_name_are_told_apart_by_their_part(run):
    summaries = [
        run("KD", rate=a, recipe={"schedule": {"rate": b}}) for a, b in [(1, 2), (2, 2), (2, True)]
    ]
    assert labels_of(summaries) == [
        "KD method.rate=1",
        "KD",
        "KD schedule.rate=true",
    ]


def test_methods_of_the_same_name_are_told_apart(content):
    other = content("KD")
    other["recipe"]["method"]["class_path"] = "own_file.KD"
    assert labels_of([parse(content("KD"), Path("a")), parse(other, Path("b"))]) == [
        "methods.KD",
        "own_file.KD",
    ]


def test_reports_load_no_network_library():
    code = (
        "import sys; from selfdistill.reports.page import write_report; "
        "print(sorted({'torch', 'timm'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
