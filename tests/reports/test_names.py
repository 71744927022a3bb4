import pytest

from selfdistill.reports.sections.style import fit_names

LONG = "SKDSAM label_share={} hint_weight={} fusion={} attention={}"
ABLATION = [
    LONG.format(share, hint, fusion, attention)
    for share, hint, fusion, attention in [
        ("0.5", "0.1", "full", "learned"),
        ("0.5", "0.1", "full", "batch_mean"),
        ("0.5", "0.1", "target", "learned"),
        ("0.3", "0.1", "full", "learned"),
        ("0.5", "0", "full", "learned"),
    ]
]


@pytest.mark.parametrize("lines", [1, 2, 3])
@pytest.mark.parametrize("width", [14, 24, 46])
def test_no_two_names_of_a_figure_become_alike(width, lines):
    found = fit_names(ABLATION, width, lines=lines)
    assert len(set(found)) == len(ABLATION)
    assert max(len(row) for name in found for row in name.split("\n")) <= width


def test_a_name_is_wrapped_at_its_spaces_and_shortened_in_its_middle():
    assert fit_names(["SKDSAMReleased hint_weight=0.01"], 24, lines=2) == [
        "SKDSAMReleased\nhint_weight=0.01"
    ]
    assert fit_names(["photographs_0001.png", "cat"], 11) == ["photo…1.png", "cat"]


def test_names_that_a_line_break_would_make_alike_are_left_alone():
    assert fit_names(["oaktree", "oak tree"], 3, lines=3) == ["oaktree", "oak tree"]
