import pytest

from selfdistill.reports.entries import entries
from selfdistill.reports.evidence import Evidence
from selfdistill.reports.verdicts import ABSENT, headline, verdict_words

NOISE = [-0.3, 0.0, 0.3, -0.2, 0.2]


@pytest.fixture
def rows(runs):
    """Rows of a report, by methods and their mean accuracies."""

    def build(seeds=5, **methods):
        made = [
            run
            for name, mean in methods.items()
            for run in runs(name, [mean + e for e in NOISE[:seeds]])
        ]
        return entries([Evidence(run, {}) for run in made], "test", {})[1]

    return build


def test_no_difference_gives_no_verdict(rows):
    found = rows(CrossEntropy=78.0, SKDSAM=78.0)
    assert headline(found, "test").startswith(
        "SKDSAM and cross-entropy are not distinguishable: 78.00 % against 78.00 % test accuracy, "
        "5 seeds each, a difference of +0.00 points"
    )
    assert verdict_words(found[1].line) == "not distinguishable"


@pytest.mark.parametrize(("mean", "word"), [(80.0, "better"), (76.0, "worse")])
def test_two_points_at_a_spread_of_a_third_give_one(rows, mean, word):
    found = rows(CrossEntropy=78.0, SKDSAM=mean)
    assert headline(found, "test").startswith(
        f"SKDSAM is 2.00 points {word} than cross-entropy: {mean:.2f} % against 78.00 % test"
    )
    assert verdict_words(found[1].line) == word


def test_the_headline_pair_takes_five_seeds(rows):
    found = rows(seeds=4, CrossEntropy=78.0, SKDSAM=80.0, BYOT=80.0)
    assert headline(found, "test") == (
        "No verdict on SKDSAM against cross-entropy: 79.95 % against 77.95 % test accuracy, "
        "4 seeds each; a verdict takes 5 seeds each."
    )
    assert [verdict_words(e.line) for e in found] == [
        "reference",
        "no verdict under 5 seeds",
        "better",
    ]


def test_any_other_pair_takes_three(rows):
    assert "BYOT is 2.00 points better" in headline(rows(3, CrossEntropy=78, BYOT=80), "test")
    text = headline(rows(2, CrossEntropy=78, BYOT=80), "test")
    assert "No verdict" in text
    assert "better" not in text


def test_many_rows_are_counted(rows):
    found = rows(CrossEntropy=78, BYOT=80, CSKD=76, DDGSD=78)
    assert headline(found, "test") == (
        "Against cross-entropy, of 3 rows: 1 better, 1 worse, 1 not distinguishable."
    )


def test_two_rows_alone_are_compared_with_each_other(rows):
    found = rows(3, BYOT=78, CSKD=80)
    assert headline(found, "test").startswith("CSKD is 2.00 points better than BYOT: 80.00 %")
    assert [entry.control for entry in found] == [None, None]
    assert [entry.style for entry in found] == [1, 2]
    assert "No verdict on SKDSAM against BYOT" in headline(rows(3, BYOT=78, SKDSAM=80), "test")


def test_without_cross_entropy_nothing_is_claimed(rows):
    several = rows(BYOT=80, SKDSAM=90, CSKD=70)
    assert "none of which can be compared" in headline(several, "test")
    (alone,) = rows(SKDSAM=90)
    assert headline([alone], "test").startswith("Nothing to compare with: SKDSAM alone, 90.00 ± ")
    assert verdict_words(alone.line) == ABSENT


def test_another_setting_is_not_compared(runs):
    made = runs("CrossEntropy", NOISE) + runs("SKDSAM", NOISE, recipe={"epochs": 200})
    _, found = entries([Evidence(run, {}) for run in made], "test", {})
    assert verdict_words(found[1].line) == "not compared: other epochs"
    assert found[1].verdict is None
