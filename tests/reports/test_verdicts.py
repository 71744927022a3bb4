import pytest

from selfdistill.reports import compare, headline
from selfdistill.reports.text import ABSENT, verdict_words

NOISE = [-0.3, 0.0, 0.3, -0.2, 0.2]


@pytest.fixture
def comparison(runs):
    """Rows by methods and their mean accuracies."""

    def build(seeds=5, **methods):
        made = [
            run
            for name, mean in methods.items()
            for run in runs(name, [mean + e for e in NOISE[:seeds]])
        ]
        return compare(made)

    return build


def test_no_difference_gives_no_verdict(comparison):
    found = comparison(CrossEntropy=78.0, SKDSAM=78.0)
    assert headline(found).startswith(
        "SKDSAM and cross-entropy are not distinguishable: 78.00 % against 78.00 % test accuracy, "
        "5 seeds each, a difference of +0.00 points"
    )
    assert verdict_words(found.rows[1]) == "not distinguishable"


@pytest.mark.parametrize(("mean", "word"), [(80.0, "better"), (76.0, "worse")])
def test_two_points_at_a_spread_of_a_third_give_one(comparison, mean, word):
    found = comparison(CrossEntropy=78.0, SKDSAM=mean)
    assert headline(found).startswith(
        f"SKDSAM is 2.00 points {word} than cross-entropy: {mean:.2f} % against 78.00 % test"
    )
    assert verdict_words(found.rows[1]) == word


def test_the_headline_pair_takes_five_seeds(comparison):
    found = comparison(seeds=4, CrossEntropy=78.0, SKDSAM=80.0, BYOT=80.0)
    assert headline(found) == (
        "No verdict on SKDSAM against cross-entropy: 79.95 % against 77.95 % test accuracy, "
        "4 seeds each; a verdict takes 5 seeds each."
    )
    assert [verdict_words(row) for row in found.rows] == [
        "reference",
        "no verdict under 5 seeds",
        "better",
    ]


def test_any_other_pair_takes_three(comparison):
    assert "BYOT is 2.00 points better" in headline(comparison(3, CrossEntropy=78, BYOT=80))
    text = headline(comparison(2, CrossEntropy=78, BYOT=80))
    assert "No verdict" in text
    assert "better" not in text


def test_many_rows_are_counted(comparison):
    found = comparison(CrossEntropy=78, BYOT=80, CSKD=76, DDGSD=78)
    assert headline(found) == (
        "Against cross-entropy, of 3 rows: 1 better, 1 worse, 1 not distinguishable."
    )


def test_two_rows_alone_are_compared_with_each_other(comparison):
    found = comparison(3, BYOT=78, CSKD=80)
    assert headline(found).startswith("CSKD is 2.00 points better than BYOT: 80.00 %")
    assert [row.cross_entropy for row in found.rows] == [None, None]
    assert [row.style for row in found.rows] == [1, 2]
    assert "No verdict on SKDSAM against BYOT" in headline(comparison(3, BYOT=78, SKDSAM=80))


def test_without_cross_entropy_nothing_is_claimed(comparison):
    several = comparison(BYOT=80, SKDSAM=90, CSKD=70)
    assert "none of which can be compared" in headline(several)
    alone = comparison(SKDSAM=90)
    assert headline(alone).startswith("Nothing to compare with: SKDSAM alone, 90.00 ± ")
    assert verdict_words(alone.rows[0]) == ABSENT


def test_another_setting_is_not_compared(runs):
    made = runs("CrossEntropy", NOISE) + runs("SKDSAM", NOISE, recipe={"epochs": 200})
    row = compare(made).rows[1]
    assert verdict_words(row) == "not compared: other epochs"
    assert row.verdict is None
