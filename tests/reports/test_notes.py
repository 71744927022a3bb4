import pytest

from selfdistill.reports import compare
from selfdistill.reports.text import notes


@pytest.mark.parametrize(
    ("seeds", "note"),
    [
        ({"CrossEntropy": "01", "BYOT": "01"}, None),
        ({"CrossEntropy": "01234", "BYOT": "012", "KD": "0"}, "0–4, but BYOT 0–2, KD 0"),
        ({"CrossEntropy": "0", "BYOT": "0124", "KD": "0"}, "0–2 and 4, but CrossEntropy and KD 0"),
        ({"CrossEntropy": "0123", **{f"M{k}": "01" for k in range(26)}}, "0–3, but 26 rows 0–1"),
        (
            {"A": "01234", "B": "0123", "C": "012", "D": "01", "E": "0", "F": "1", "G": "2"},
            "0–4, but B 0–3, C 0–2, D 0–1, 3 rows fewer or others",
        ),
    ],
)
def test_seeds_are_noted_where_rows_have_others(run, seeds, note):
    made = [run(name, seed=int(seed)) for name, own in seeds.items() for seed in own]
    found = [n for n in notes(compare(made), "report") if n.startswith("seeds: ")]
    assert found == ([] if note is None else [f"seeds: {note}"])
