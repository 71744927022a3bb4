"""What the exits of a method say, beside the network; and the attention on shallow stages."""

import numpy as np

from ..comparison import compare
from ..examined import ExaminedRun
from ..sections import Section, TextTable
from ..sections.attention import MEANING, most_attended, over_epochs
from ..sections.cost import count
from ..text import ABSENT


def exits_section(examined: ExaminedRun) -> Section | None:
    """Accuracy and agreement of every exit; None where the network is the only one."""
    if len(examined.guesses) == 1:
        return None
    network, labels = examined.said, examined.labels
    wrong = network != labels
    macs = examined.run.macs
    rows: list[tuple[str, ...]] = []
    for name, said in examined.guesses.items():
        saved = int((wrong & (said == labels)).sum())
        scores = examined.scores[name]
        own = name == "network"
        rows.append(
            (
                name.replace("_", " "),
                f"{scores['accuracy']:.1f}",
                f"{scores['ece']:.1f}",
                ABSENT if own else f"{100 * np.mean(said == network):.1f}",
                ABSENT if own else f"{saved} of {int(wrong.sum())}",
                count(macs.get(name)),
            )
        )
    columns = ("exit", "accuracy", "ECE", "agrees with the network", "rights its mistakes", "MACs")
    table = TextTable(
        f"Every exit on the {examined.split} split, percent; only the network is deployed, unless "
        "one asks for its exits. Where a shallow exit agrees nearly always, stopping there costs "
        "little.",
        columns,
        tuple(rows),
    )
    return Section("exits", "Exits", tables=(table,))


def attention_section(examined: ExaminedRun) -> Section | None:
    """How much each shallow stage counts, over epochs and images; None without attention."""
    attention = examined.attention
    if attention is None:
        return None
    shares = attention.astype(np.float64)
    images = tuple(examined.name(k) for k in range(len(examined.labels)))
    caption = f"What leans most on each shallow block (share in %, {examined.split} images)."
    table = most_attended(
        caption, shares, examined.labels, examined.names, images, f"{examined.split} images"
    )
    (row,) = compare([examined.run], examined.split).rows
    plots = (
        (over_epochs(row, "attention-epochs"),) if row.runs[0].curve.attention is not None else ()
    )
    return Section("attention", "Attention", (MEANING,), (table,), plots)
