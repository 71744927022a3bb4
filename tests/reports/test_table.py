import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from scipy import stats

from selfdistill.reports import as_csv, as_json, as_markdown, as_text, class_table, compare
from selfdistill.reports.read_run import parse
from selfdistill.reports.statistics import Difference
from selfdistill.reports.text import notes

REFERENCE = [95.0, 95.3, 94.7]
BETTER = [97.0, 97.3, 96.7]


@pytest.fixture
def study(runs):
    return (
        runs("CrossEntropy", REFERENCE)
        + runs("BYOT", [95.1, 95.2, 94.9], speed=800.0)
        + runs("CSKD", BETTER, speed=500.0, images={"test": 360})
    )


def row_of(comparison, label):
    return next(row for row in comparison.rows if row.label == label)


def test_a_comparison_gives_the_figures_of_the_last_epoch(study):
    row = row_of(compare(study), "CSKD")
    assert row.accuracy == pytest.approx((97.0, 0.3))
    assert row.seeds == (0, 1, 2)
    figures = (row.nll, row.ece, row.cost.seconds, row.step_ratio)
    assert figures == pytest.approx((0.2, 2.5, 20.0, 2.0))
    assert (row.cost.parameters, row.cost.training_parameters) == (11_220_132, 12_000_000)


def test_differences_are_given_to_cross_entropy_with_verdicts(study):
    comparison = compare(study)
    assert row_of(comparison, "CrossEntropy").is_control
    assert row_of(comparison, "CrossEntropy").difference is None
    assert row_of(comparison, "CSKD").difference.mean == pytest.approx(2.0)
    assert row_of(comparison, "CSKD").difference.verdict == "better"
    assert row_of(comparison, "BYOT").difference.verdict == "not distinguishable"


@pytest.mark.parametrize(("seeds", "verdict"), [(4, None), (5, "better")])
def test_the_headline_pair_takes_five_seeds(runs, seeds, verdict):
    noise = [-0.3, 0.0, 0.3, -0.2, 0.2][:seeds]
    means = {"CrossEntropy": 90, "SKDSAM": 96, "BYOT": 96}
    comparison = compare([run for m, a in means.items() for run in runs(m, [a + e for e in noise])])
    assert row_of(comparison, "SKDSAM").difference.interval is not None
    assert row_of(comparison, "SKDSAM").difference.verdict == verdict
    assert row_of(comparison, "BYOT").difference.verdict == "better"
    assert ("no verdict under 5 seeds" in as_text(comparison)) == (verdict is None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"augment": []}, "other augment"),
        ({"batch_size": 128}, "other batch size"),
        ({"epochs": 80, "precision": "bf16-mixed"}, "other epochs, precision"),
        ({"backbone": {"name": "resnet18"}}, "other backbone"),
        ({"optimizer": {"class_path": "torch.optim.SGD"}}, "other optimizer"),
        ({"schedule": "cosine"}, "other schedule"),
    ],
)
def test_another_setting_is_named_and_not_compared(runs, change, words):
    comparison = compare(runs("CrossEntropy", REFERENCE) + runs("KD", BETTER, recipe=change))
    row = comparison.rows[1]
    assert row.difference is None
    assert row.step_ratio is None
    assert words in as_text(comparison, width=200)


def test_another_split_of_the_data_is_another_setting(runs):
    other = runs("KD", BETTER, split_hash="ffffffffffff")
    assert "not compared: other data" in as_text(
        compare(runs("CrossEntropy", REFERENCE) + other), width=200
    )


@pytest.mark.parametrize(
    "change", [{"recipe": {"compile": True}}, {"environment": {"device": "cuda"}}]
)
def test_compiling_and_other_machines_change_the_speed_alone(runs, change):
    comparison = compare(runs("CrossEntropy", REFERENCE) + runs("KD", BETTER, **change))
    assert comparison.rows[1].difference.verdict == "better"
    assert comparison.rows[1].step_ratio is None


def test_each_row_is_compared_within_its_own_setting(runs):
    long = {"epochs": 200}
    comparison = compare(
        runs("CrossEntropy", REFERENCE)
        + runs("CrossEntropy", BETTER, recipe=long)
        + runs("KD", BETTER, recipe=long)
        + runs("CrossEntropy", [95.5, 95.1, 95.2], label_smoothing=0.1)
    )
    assert [row.is_control for row in comparison.rows] == [True, True, False, False]
    assert comparison.rows[2].difference.mean == pytest.approx(0)
    assert comparison.rows[3].difference.mean == pytest.approx(95.8 / 3 + 190 / 3 - 95, abs=1e-6)


def test_without_cross_entropy_there_is_no_difference(runs):
    text = as_text(compare(runs("KD", BETTER)), width=200)
    assert "difference" not in text
    assert "ratio" not in text
    other = runs("BYOT", REFERENCE, recipe={"epochs": 80})
    for others in (other, runs("BYOT", REFERENCE) + runs("CSKD", REFERENCE)):
        assert "difference" not in as_text(compare(runs("KD", BETTER) + others), width=200)


def test_two_rows_alone_are_compared_with_each_other(runs):
    comparison = compare(runs("BYOT", REFERENCE) + runs("CSKD", BETTER, speed=500.0))
    first, second = comparison.rows
    assert (first.is_control, second.control) == (True, first)
    assert second.difference.verdict == "better"
    welch = stats.ttest_ind(BETTER, REFERENCE, equal_var=False).confidence_interval()
    assert second.difference.interval == pytest.approx(welch)
    text = as_text(comparison, width=200)
    assert re.search(r"difference to .*\n.* accuracy +BYOT +NLL", text)
    assert (
        "differences to BYOT (there is no cross-entropy) in points, with 95 % intervals over seeds "
        "(Welch)" in text
    )
    assert json.loads(as_json(comparison))["rows"][1]["difference_to"] == "BYOT"
    assert "ratio" not in text  # which is to cross-entropy


@pytest.mark.parametrize("names", [("BYOT", "SKDSAM"), ("SKDSAM", "BYOT")])
def test_two_rows_alone_take_five_seeds_if_one_is_the_headline(runs, names):
    comparison = compare(runs(names[0], REFERENCE) + runs(names[1], BETTER))
    assert comparison.rows[1].difference.interval is not None
    assert comparison.rows[1].difference.verdict is None
    assert "no verdict under 5 seeds" in as_text(comparison)


def test_few_seeds_give_a_difference_and_a_note(runs):
    comparison = compare(runs("CrossEntropy", REFERENCE[:2]) + runs("KD", BETTER))
    assert comparison.rows[1].difference.verdict is None
    text = as_text(comparison)
    assert "+1.85" in text
    assert "no verdict under 3 seeds" in text
    assert "better" not in text


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("BYOT", 40)], "with 95 % intervals over seeds (Welch)"),
        ([("BYOT", 40), ("CSKD", 40)], "with joint 95 % intervals over seeds (Dunnett, unpooled)"),
        (
            [("BYOT", 40), ("BYOT", 80)],
            "with 95 % intervals over seeds, each of a single pair (Welch)",
        ),
        (
            [(method, epochs) for method in ("BYOT", "CSKD") for epochs in (40, 80)],
            "with 95 % intervals over seeds, joint for each cross-entropy row (Dunnett, unpooled)",
        ),
        (
            [("BYOT", 40), ("CSKD", 40), ("BYOT", 80)],
            "with 95 % intervals over seeds, joint for each cross-entropy row (Dunnett, unpooled), "
            "of a single pair Welch's",
        ),
    ],
)
def test_intervals_are_called_what_they_are(runs, rows, words):
    means = [("CrossEntropy", 40), ("CrossEntropy", 80), *rows]
    made = [r for m, epochs in means for r in runs(m, REFERENCE, recipe={"epochs": epochs})]
    assert f"differences in points, {words}" in notes(compare(made))


def test_the_sampling_error_is_noted_where_every_run_tells_the_images(study, runs):
    assert "images" not in as_text(compare(study))
    known = runs("KD", [80.0], images={"test": 1600})
    assert "1,600 test images: sampling error up to ±1.00 points" in notes(compare(known))


def test_the_split_is_the_test_split_where_all_have_it(run):
    both, validation = run(splits=("test", "validation")), run(seed=1, splits=("validation",))
    assert compare([both]).split == "test"
    assert compare([both], "validation").split == "validation"
    assert compare([both, validation]).split == "validation"
    with pytest.raises(ValueError, match="runs/CrossEntropy-1 lacks test scores"):
        compare([both, validation], "test")
    with pytest.raises(ValueError, match=r"lacks test scores, .* lacks validation scores"):
        compare([run(splits=("test",)), validation])
    with pytest.raises(ValueError, match="no split 'train'"):
        compare([both], "train")
    with pytest.raises(ValueError, match="nothing to compare"):
        compare([])


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_table_keeps_to_its_width_and_its_most_important_columns(study, width):
    text = as_text(compare(study), width=width)
    assert max(map(len, text.splitlines())) <= width
    for word in ("CSKD", "97.00 ± 0.30", "+2.00", "better"):
        assert word in text
    assert ("training" in text.split("test split")[0]) == (width >= 120)
    assert ("left out" in text) == (width < 120)


def test_no_difference_has_no_minus_sign(runs):
    comparison = compare(runs("CrossEntropy", REFERENCE) + runs("KD", REFERENCE[::-1]))
    equal = replace(comparison.rows[1], difference=Difference(-1e-14))
    text = as_text(replace(comparison, rows=(comparison.rows[0], equal)))
    assert "+0.00" in text
    assert "-0.00" not in text


def test_the_best_epoch_is_nowhere(study):
    comparison = compare(study)
    for text in (as_text(comparison, width=200), as_csv(comparison), as_json(comparison)):
        assert "99.9" not in text


def test_markdown_has_one_line_a_row_and_the_notes(study):
    lines = as_markdown(compare(study)).splitlines()
    assert {line.count("|") for line in lines[:5]} == {11}
    assert lines[4].startswith("| CSKD | 3 | 97.00 ± 0.30 | +2.00 [")
    assert lines[6].startswith("- test split, last epoch")


def test_csv_and_json_hold_the_same_numbers_in_full(study):
    comparison = compare(study)
    table = list(csv.DictReader(io.StringIO(as_csv(comparison))))
    rows = json.loads(as_json(comparison))["rows"]
    assert [row["method"] for row in table] == ["CrossEntropy", "BYOT", "CSKD"]
    assert table[0]["difference"] == ""
    assert rows[0]["difference"] is None
    assert table[2]["seeds"] == "0 1 2"
    assert rows[2]["seeds"] == [0, 1, 2]
    for key in ("accuracy", "accuracy_sd", "difference_low", "nll", "step_ratio"):
        assert float(table[2][key]) == rows[2][key]


def test_a_diverged_run_stays_readable_as_json(run):
    diverged = run("KD", nll=float("nan"))
    assert json.loads(as_json(compare([diverged])))["rows"][0]["nll"] is None


@pytest.mark.parametrize("macro", [95.0, 60.0])
def test_macro_scores_have_columns_where_classes_are_unequal(content, macro):
    summaries = [content("CrossEntropy", seed=seed) for seed in range(2)]
    for summary, f1 in zip(summaries, (58.0, 62.0), strict=True):
        summary["test"]["last"]["network"] |= {"macro_accuracy": macro, "macro_f1": f1}
    comparison = compare([parse(summary, Path("runs/a")) for summary in summaries])
    record = json.loads(as_json(comparison))["rows"][0]
    assert (record["macro_accuracy"], record["macro_f1"]) == (macro, 60.0)
    assert record["macro_f1_sd"] == pytest.approx(8**0.5)
    shown = as_text(comparison, width=200)
    assert ("60.00 ± 2.83" in shown) == (macro != 95.0)
    assert ("macro F1, %" in as_markdown(comparison, table="report")) == (macro != 95.0)


def test_runs_without_macro_f1_are_compared_as_before(content):
    old, new = content("CrossEntropy"), content("KD")
    new["test"]["last"]["network"] |= {"macro_accuracy": 60.0, "macro_f1": 58.0}
    rows = json.loads(as_json(compare([parse(s, Path("runs/a")) for s in (old, new)])))["rows"]
    assert [row["macro_f1"] for row in rows] == [None, 58.0]


def test_many_classes_are_shown_by_their_worst():
    def scores(f1):
        return {"images": 3, "precision": 1.0, "recall": 2.0, "f1": f1}

    classes = {f"c{k:02}": scores(float((7 * k) % 30)) for k in range(30)}
    classes["absent"] = {"images": 0, "precision": 0.0, "recall": None, "f1": None}
    lines = class_table(classes).splitlines()
    shown = [line.split()[0] for line in lines if line.strip().startswith("c")][1:]
    assert shown == sorted(shown, key=lambda name: classes[name]["f1"])
    assert [classes[name]["f1"] for name in shown] == [float(k) for k in range(10)]
    assert "The 10 of 30 classes with the lowest F1" in lines[-1]
    few = class_table({name: classes[name] for name in ("c01", "c00", "absent")})
    assert [line.split()[0] for line in few.splitlines()] == ["class", "c01", "c00"]
