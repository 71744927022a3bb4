import itertools
import json

import numpy as np
import pytest

from selfdistill.reports import compare, read
from selfdistill.reports.sections import cost, learning, reliability, results, style
from selfdistill.reports.sections.cost import count

LONG = "an_option_of_a_method_with_a_name_that_goes_on_and_on_{}_and_further_and_further"


def compared(paths):
    return compare([read(path) for path in paths])


def drawn(figure):
    figure.draw_without_rendering()
    return figure


def overlapping(texts):
    boxes = [text.get_window_extent() for text in texts]
    return [pair for pair in itertools.combinations(boxes, 2) if pair[0].overlaps(pair[1])]


@pytest.fixture(autouse=True)
def _house_style():
    with style.house_style():
        yield


@pytest.fixture
def alike(directory):
    """Rows whose names differ in their middle alone, and cross-entropy."""
    runs = [directory("BYOT", shares=[1, 1], option=LONG.format(k)) for k in range(4)]
    return compared([directory(), *runs])


def test_rows_with_long_names_are_told_apart_and_do_not_overlap(alike):
    for plot in results.section(alike).plots:
        labels = drawn(plot.figure).axes[0].get_yticklabels()
        assert len({label.get_text() for label in labels}) == len(labels) >= 4
        assert overlapping(labels) == []
        assert min(label.get_window_extent().x0 for label in labels) >= 0


def test_legends_tell_rows_with_long_names_apart(alike):
    plots = [learning.section(alike).plots[0], cost.exits_section(alike).plots[0]]
    for plot in plots:
        (legend,) = drawn(plot.figure).legends
        texts = legend.get_texts()
        assert len({text.get_text() for text in texts}) == len(texts) >= 4
        assert overlapping(texts) == []
        assert legend.get_window_extent().y1 < plot.figure.axes[0].get_window_extent().y0


@pytest.mark.parametrize("letters", [19, 22, 46])
def test_a_legend_stays_within_its_figure(letters):
    figure, panel = style.epoch_axes("accuracy (%)")
    for row in range(4):
        name = f"SKDSAMReleased {row}".ljust(letters, "e")
        style.curve(panel, np.arange(3.0), np.arange(3.0), row, name)
    style.legend(figure, panel)
    (legend,) = drawn(figure).legends
    assert legend.get_window_extent().x1 <= figure.bbox.x1


def test_a_row_of_one_run_has_no_bar_that_hides_it(directory):
    runs = [directory(seed=0), directory(seed=1), directory("BYOT")]
    panel = results.section(compared(runs)).plots[0].figure.axes[0]
    bars = [c for c in panel.collections if hasattr(c, "get_segments")]
    assert [bar.get_segments()[0][0][0] for bar in bars] == [80.0]
    assert "thin ones single seeds" not in " ".join(learning.section(compared(runs[2:])).paragraphs)


def test_epochs_have_no_halves(directory):
    panel = drawn(learning.section(compared([directory()])).plots[0].figure).axes[0]
    assert all(tick == int(tick) for tick in panel.get_xticks())


@pytest.mark.parametrize("names", [["exit1", "network"], ["self teacher"] * 7, ["a", "b"] * 4])
def test_names_of_columns_do_not_meet(names):
    figure, panel = style.axes(xlabel="exit", ylabel="accuracy (%)")
    panel.set_xlim(-0.5, len(names) - 0.5)
    style.name_columns(panel, names, 58)
    labels = drawn(figure).axes[0].get_xticklabels()
    slanted = {label.get_rotation() for label in labels} == {40.0}
    assert slanted == (len(names) == 7)
    assert slanted or overlapping(labels) == []


def test_rows_are_as_high_as_their_tallest_name():
    low, high = (
        style.row_axes(names, np.arange(2.0), step=0.2, width=10, lines=3, xlabel="x")[0]
        for names in (["a", "b"], ["a", "one two three four"])
    )
    assert high.get_size_inches()[1] > low.get_size_inches()[1]


def test_memory_is_a_mean_over_seeds_as_the_table_says(directory):
    runs = [directory(seed=k) for k in range(2)]
    for run, peak in zip(runs, (1e9, 3e9), strict=True):
        summary = json.loads((run / "summary.json").read_text())
        summary["cost"]["peak_memory_bytes"] = peak
        (run / "summary.json").write_text(json.dumps(summary))
    (table,) = cost.section(compared(runs)).tables
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert "mean ± standard deviation" in table.caption
    assert row["peak memory, MB"] == "2,000 ± 1,414"


def test_counts_choose_their_unit_after_rounding():
    numbers = (0, 999, 999.7, 999_400, 999_700, 999_960_000, 1.5e9, 2e12)
    assert [count(float(n)) for n in numbers] == [
        "0", "999", "1 k", "999 k", "1 M", "1 G", "1.5 G", "2 T",
    ]  # fmt: skip


def test_the_curve_of_risk_ends_where_all_are_answered(directory):
    predictions = read(directory()).predictions
    plot = reliability.risk_coverage_plot(predictions, "test", "risk-coverage")
    (panel,) = drawn(plot.figure).axes
    assert panel.lines[1].get_xydata()[0] == pytest.approx(predictions.risk_coverage()[-1])
    assert panel.get_ylim()[1] > predictions.risk_coverage()[:, 1].max()
