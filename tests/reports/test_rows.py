import pytest

from selfdistill.reports import compare
from selfdistill.reports.grouping import group
from selfdistill.reports.text import notes


def weights(letter, seed):
    return f"sha256:{letter}{seed}"


def students(run, letter, seeds=(0, 1, 2), **options):
    """Each taught by the teacher of its seed."""
    return [run("KD", seed=k, teacher=weights(letter, k), **options) for k in seeds]


def seeds_of(rows):
    return [[run.seed for run in row] for row in rows.values()]


def test_seeds_with_a_teacher_of_their_own_are_one_row(run):
    made = [run(seed=k, accuracy=90 + k / 10) for k in range(3)] + students(run, "a", accuracy=95)
    comparison = compare(made)
    assert [(row.label, row.seeds) for row in comparison.rows] == [
        ("CrossEntropy", (0, 1, 2)),
        ("KD", (0, 1, 2)),
    ]
    assert comparison.rows[1].difference.verdict == "better"
    assert "teacher: other weights for each seed (KD)" in notes(comparison)


def test_other_teachers_of_the_same_seed_are_other_rows(run):
    rows = group(students(run, "a", [0]) + students(run, "b", [0]))
    assert list(rows) == ["KD teacher=sha256:a0", "KD teacher=sha256:b0"]
    with pytest.raises(ValueError, match="the same run twice"):
        group(students(run, "a", [0, 0]))


def test_a_teacher_that_seeds_share_does_not_belong_to_the_seed(run):
    made = [run("KD", seed=k, teacher=weights(letter, 0)) for k, letter in enumerate("aabb")]
    assert seeds_of(group(made)) == [[0, 1], [2, 3]]
    assert seeds_of(group(made[:2])) == [[0, 1]]


def test_students_of_several_methods_are_told_apart_by_who_taught_them(run):
    teachers = [
        run(method, seed=k, weights=weights(letter, k))
        for method, letter in (("CrossEntropy", "a"), ("BYOT", "b"))
        for k in range(3)
    ]
    rows = group(teachers + students(run, "a") + students(run, "b"))
    assert [(label, len(row)) for label, row in rows.items()] == [
        ("CrossEntropy", 3),
        ("BYOT", 3),
        ("KD teacher=CrossEntropy", 3),
        ("KD teacher=BYOT", 3),
    ]
    mixed = [run("KD", seed=k, teacher=weights(letter, k)) for k, letter in enumerate("ab")]
    assert seeds_of(group(mixed)) == [[0, 1]]
    assert seeds_of(group(teachers + mixed))[2:] == [[0], [1]]
    twice = [run("KD", teacher=weights("a", seed)) for seed in (0, 1)]
    assert list(group(teachers + twice))[2:] == ["KD teacher=sha256:a0", "KD teacher=sha256:a1"]


def test_rows_that_start_from_weights_of_their_seed_are_of_one_setting(run):
    def started(method, letter, seeds):
        return [run(method, seed=k, recipe={"init": weights(letter, k)}) for k in seeds]

    control = started("CrossEntropy", "a", range(3))
    assert compare(control + started("BYOT", "a", range(1, 4))).rows[1].differs == ()
    assert compare(control + started("BYOT", "b", range(3))).rows[1].differs == ("init",)
    assert compare([*control, run("BYOT")]).rows[1].differs == ("init",)
