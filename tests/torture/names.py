"""Names that would be something else: escapes, formulas, markup, options, paths, no UTF-8."""

import csv
import io
import os
import shutil

from .attempts import Attempt, fault, promise, refused
from .children import run
from .digest import tree
from .pictures import OWN, folder_of

CLASSES = {
    "escapes": ("\x1b]0;owned\x07\x1b[31mred", "a\rb", "c\nd", "\x9b31m", "\x7f"),
    "formulas": ("=1+2", "+1", "-1", "@SUM(1)", "=cmd|' /C calc'!A0"),
    "markup": ("<script>alert(1)</script>", "<b>", "&amp;", "[red]x[/red]", "'\"><img src=x>"),
    "YAML": ("null", "1e3", "a: b", "- a", "#hash", "*star", "&amp", "!tag", "{x", "[y"),
    "not UTF-8": (os.fsdecode(b"caf\xe9"), os.fsdecode(b"th\xe9\xff")),
    "letters": ("猫", "שלום", "e\u0301", "\u202egnp", "😀", "ﬁ"),
    "spaces": (" a", "b ", "  ", "c\td", "-", "--out"),
    "long": ("x" * 250, "y" * 250),
}
FOLDERS = (
    *("[2024] photos", "@home", "*star", "%x", "{x", "`t", "!tag", '"q', "'r", "a: b", "- a"),
    *("#hash", "&x", "|x", ">x", "?x", "~", "null", "1e3", "a\tb", "a\nb", "a b", " lead", "[/x]"),
    *("--overwrite", "hf:x", "=x", "$HOME", "a;b", "\x1b[31m", "😀", os.fsdecode(b"caf\xe9")),
    "x" * 250,
)
TABLES = {
    "parent.csv": b"image,label\n../secret.png,a\n",
    "absolute.csv": b"image,label\n/etc/passwd,a\n",
    "url.csv": b"image,label\nhttp://127.0.0.1:9/x.png,a\n",
    "file-url.csv": b"image,label\nfile:///etc/passwd,a\n",
    "nul.csv": b"image,label\ncat/0\0.png,a\n",
    "utf16.csv": "image,label\ncat/0.png,a\n".encode("utf-16"),
    "latin.csv": b"image,label\ncat/0.png,caf\xe9\n",
    "empty.csv": b"",
    "header.csv": b"image,label\n",
    "no-header.csv": b"cat/0.png,cat\n",
    "columns.csv": b"image,label" + b",x" * 200_000 + b"\ncat/0.png,a\n",
    "long.csv": b"image,label\n" + b"x" * 1_000_000 + b",a\n",
    "quote.csv": b'image,label\n"cat/0.png,a\n',
    "twice.csv": b"image,label\ncat/0.png,a\ncat/0.png,b\n",
    "missing.csv": b"image,label\ncat/nowhere.png,a\n",
    "folder.csv": b"image,label\ncat,a\n",
    "split.csv": b"image,label,split\ncat/0.png,a,nowhere\n",
    "formula.csv": b"image,label\n=cat/0.png,=1+2\n",
    "binary.csv": bytes(range(256)) * 10,
    "short.csv": b"image,label\ncat/0.png\n",
    "escape.csv": b"image,label\n\x1b[31mcat.png,\x1b]0;x\x07\n",
}


@promise("R19a", "classes with hostile names under every command: inert on terminals and in CSV")
def class_names(ground):
    for kind in list(CLASSES)[: ground.of(2, len(CLASSES))]:
        folder = _new(ground.folder / "classes")
        folder_of(folder / "data", CLASSES[kind], count=8)
        run_ = folder / "run"
        words = ["train", "--data", folder / "data", *OWN, "--cache-dir", folder / "cache"]
        picture = next((folder / "data").rglob("*.png"))
        answers = {
            "train": run([*words, "--out", run_]),
            "data check": run(["data", "check", folder / "data"]),
        }
        if answers["train"].code == 0:
            for form in ("table", "csv", "json"):
                answers[f"predict {form}"] = run(
                    ["predict", run_, folder / "data", "--format", form]
                )
            answers["evaluate"] = run(["evaluate", run_])
            answers["compare"] = run(["compare", run_])
            answers["report"] = run(["report", run_, "--to", folder / "report"])
            answers["predict a file"] = run(["predict", run_, picture])
        for name, answer in answers.items():
            reports = name == "data check" and answer.code == 2 and not answer.err
            wrong = (None if reports else fault(answer)) or _escaping(answer)
            if wrong is None and answer.code not in (0, 2):
                wrong = f"code {answer.code}: {answer.last}"
            if wrong is None and name == "predict csv":
                wrong = _formula(answer.out)
            yield Attempt(f"{name}, {kind}", wrong, "refused" if answer.code else "inert")


@promise("R13", "folders with hostile names as data, run and cache: trained, or refused in a line")
def folder_names(ground):
    for name in ground.some(FOLDERS, 4):
        folder = _new(ground.folder / "named")
        try:
            data = folder_of(folder / "data" / name)
        except OSError:  # this file system does not take the name
            continue
        words = [*OWN, "--cache-dir", folder / "cache" / name]
        answer = run(["train", "--data", f"{data}/", *words, "--out", folder / "runs" / name])
        wrong = fault(answer) or _escaping(answer)
        yield Attempt(f"train {name[:20]!r}", wrong, "refused" if answer.code else "trained")
        study = ["study", "--data", f"{name}/", "--methods", "CrossEntropy", *_without_method()]
        more = ["--seeds", "1", "--budget", "0s", "--out", folder / "study"]
        answer = run([*study, *more], cwd=folder / "data")
        wrong = fault(answer) or _escaping(answer)
        yield Attempt(f"study {name[:20]!r}", wrong, "refused" if answer.code else "taken")


@promise("R13", "tables that lead elsewhere, or are none: refused by name before step 0")
def tables(ground):
    for name in ground.some(TABLES, 4):
        folder = _new(ground.folder / "tables")
        folder_of(folder / "data")
        (folder / "secret.png").write_bytes(b"secret")
        table = folder / "data" / name
        table.write_bytes(TABLES[name])
        before = tree(folder / "data")
        for words in (
            ["data", "check", table],
            ["train", "--data", table, *OWN, "--cache-dir", folder / "c", "--out", folder / "r"],
        ):
            answer = run(words)
            attempt = refused(f"{words[0]} {name}", answer, codes=(2,))
            if answer.code == 2 and words[0] == "data" and not answer.traceback and answer.out:
                attempt = attempt._replace(wrong=None)  # its report says why
            if attempt.wrong is None and tree(folder / "data") != before:
                attempt = Attempt(attempt.what, "the folder was changed")
            if attempt.wrong is None and list(folder.glob("r/checkpoints/*")):
                attempt = Attempt(attempt.what, "training began")
            yield attempt


def _new(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _without_method():
    at = OWN.index("--method")
    return [*OWN[:at], *OWN[at + 2 :]]


def _escaping(answer):
    """Control characters on standard output, which a terminal would obey."""
    bad = {letter for letter in answer.out if letter < " " and letter not in "\n\t\r"}
    bad |= {letter for letter in answer.out if "\x7f" <= letter <= "\x9f"}
    return f"control characters {sorted(bad)!r}" if bad else None


def _formula(text):
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    bad = [cell for cell in cells if cell[:1] in "=+-@\t\r" and cell and not _number(cell)]
    return f"cells that spreadsheets compute: {bad[:3]}" if bad else None


def _number(text):
    try:
        return float(text) is not None
    except ValueError:
        return False
