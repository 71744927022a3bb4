from selfdistill.reports import compare
from selfdistill.reports.grouping import group
from selfdistill.reports.text import notes


def labels_of(summaries):
    return list(group(summaries))


def test_a_label_leaves_out_what_most_rows_have(run):
    usual = {"share": 0.5, "hint": 0.1, "fusion": "full"}
    changes = [{}, {"share": 0.3}, {"share": 0.7}, {"hint": 0}, {"fusion": "off", "hint": 0}]
    made = [run("SKDSAM", **usual | change) for change in changes]
    made += [run("BYOT", share=0.7), run("BYOT", share=0.5, recipe={"epochs": 80})]
    made += [run("CSKD", share=0.9)]
    assert labels_of(made) == [
        "SKDSAM",
        "SKDSAM share=0.3",
        "SKDSAM share=0.7",
        "SKDSAM hint=0",
        "SKDSAM hint=0 fusion=off",
        "BYOT share=0.7",
        "BYOT epochs=80 share=0.5",
        "CSKD",
    ]
    assert notes(compare(made))[-1] == (
        "where a label says nothing else: epochs=40; SKDSAM share=0.5 hint=0.1 fusion=full"
    )


def test_a_label_names_what_a_row_lacks_and_most_have(run):
    crops = [run("KD", rate=rate) for rate in (1, 2)]
    assert labels_of([*crops, run("KD", rate=3, recipe={"augment": []})]) == [
        "KD rate=1",
        "KD rate=2",
        "KD no augment.0 rate=3",
    ]


def test_parts_that_differ_in_class_and_name_are_told_apart(run):
    parts = [{"class_path": kind, "init_args": {"name": f"my_{kind}"}} for kind in ("A", "B")]
    assert labels_of([run(recipe={"data": part}) for part in parts]) == [
        "CrossEntropy data=A",
        "CrossEntropy data=B",
    ]
