"""Every command in the README and on the pages of docs/ is one: it runs, or its words are read.

A new page is taken up by itself. What runs is shortened by options at its end, on stand-ins for
what the pages name; the rest is read by its command's own parser, which refuses what it does not
know.
"""

import argparse
import re
import shlex
import shutil
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from torch.distributed.run import get_args_parser

from painted import paint_all
from selfdistill import cli, studies
from selfdistill.cli.parser import Parser
from selfdistill.config import parse

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("README*.md")), *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`selfdistill\s(\w[^`…|\[]+ --[^`…|\[]+)`")
OURS = ("selfdistill", "torchrun", "sbatch")
OTHERS = {
    "make": "tests/test_readme.py looks for its targets",
    "export": "is the shell's",
    "pip": "installs",
    "ray": "starts a cluster",
}
"""Programs that are not tried, and why."""
ONLY_READ = {
    "cifar100": "its images are not at hand",
    "hf:": "comes from the network",
    "fetch": "comes from the network; tests/data/test_download.py",
    "--logger": "trackers may not be installed; tests/training/test_trackers.py has them",
    "torchrun": "tests/training/test_processes.py starts several processes",
    "sbatch": "there is no cluster",
    "photos/ --backbone": "as what the others look at was trained",
    ".onnx": "takes what may not be installed; tests/export/test_export.py",
    "--unsure": "takes a good network; tests/deployment/test_probabilities.py",
    "--early": "takes a fitted rule; tests/inspection/test_early_exits.py",
    "--corruptions": "takes long; tests/evaluation/test_corruptions.py",
    "report": "takes long; tests/reports",
}
"""What is read but does not run, by a part of it, and why."""
RUN = ("train", "study", "evaluate", "predict", "attention", "augment", "data")
"""Commands that run; others may take what is not installed, and are read."""
SHORT = "--epochs 1 --warmup-epochs 0 --threads 1 --accelerator cpu"
SMALL = {
    "digits": "--backbone.width 4 --data.train-per-class 4 --data.test-per-class 1",
    "photos": "--backbone small --image-size 16 --batch-size 8",
}
STANDING_IN = "train --data photos/ --method SKDSAM --data.validation-share 0.5 --out RUN"


def blocks(text):
    """The lines of a page's blocks of commands, in words, without comments."""
    for _, language, block in BLOCK.findall(text):
        if language not in ("", "sh", "bash", "console"):
            continue
        lines = block.replace("\\\n", " ").splitlines()
        if block.partition(" ")[0] in (*OURS, *OTHERS):
            yield from filter(None, (shlex.split(line, comments=True) for line in lines))


def sentences(text):
    """The commands with options that a page's sentences name."""
    named = (line for line in INLINE.findall(text) if ".help" not in line)
    return (["selfdistill", *shlex.split(line)] for line in named)


def documented(find):
    """What is found on the pages: each once, by the first page that has it."""
    pages = {}
    for page in PAGES:
        for words in find(page.read_text()):
            pages.setdefault(tuple(words), page.name)
    return [pytest.param(words, id=f"{page}: {shlex.join(words)}") for words, page in pages.items()]


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    """The current folder, with what the pages name."""
    folder = tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "path", sys.path.copy())
        patch.setenv("SELFDISTILL_CACHE", str(folder / "cache"))
        photos = paint_all(folder / "photos", 8)
        paint_all(folder / "others", 2, first=100)
        paint_all(folder / "more", 1)
        shutil.copytree("others", "OTHERS")
        shutil.copy(photos / "red/00.png", "cat.jpg")
        files = [path.relative_to(photos) for path in photos.rglob("*.png")]
        rows = [f"{file},{file.parent}" for file in files]
        Path("labels.csv").write_text("\n".join(["image,label", *rows]))
        shutil.copy(ROOT / "examples/own_backbone.py", folder)
        Path("mine.py").write_text(block_of("adding_a_method", "python"))
        Path("my_study.yaml").write_text(block_of("studies", "yaml"))
        assert cli.main([*STANDING_IN.split(), *shorter(STANDING_IN)]) == 0
        shutil.copytree("RUN", "runs/photos")
        yield
    for name in ("own_backbone", "mine"):  # other tests have files of that name
        sys.modules.pop(name, None)


def block_of(page, language):
    """The first block of a language on a page."""
    text = (ROOT / "docs" / f"{page}.md").read_text()
    return re.search(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1]


def shorter(line):
    """Options that make training take a second."""
    return f"{SHORT} {SMALL['digits' if 'digits' in line else 'photos']}".split()


class Read(Exception):
    """A command has read its words."""


def end(*_):
    raise Read


@pytest.fixture
def reading(monkeypatch):
    """Commands end as soon as their words are read."""

    def read_all(parser, words):
        _, further = argparse.ArgumentParser.parse_known_args(parser, words)
        if further:
            parser.error(f"unrecognized arguments: {' '.join(further)}")
        raise Read

    def read_known(parser, words):
        _, further = argparse.ArgumentParser.parse_known_args(parser, words)
        named = parser.prog.endswith("study") and not further[0].startswith("--")
        parse(["--config", "cifar100/strong", *further[named:]])
        raise Read

    monkeypatch.setattr(Parser, "parse_args", read_all)
    monkeypatch.setattr(Parser, "parse_known_args", read_known)


def read(words):
    """Let a command read its words."""
    if words[0] == "train":
        assert parse(words[1:])
        return
    command = cli._command(words)
    with pytest.raises(Read):
        command(words[1:])


def of_train(words):
    """The command of `selfdistill` in a line, which another program may start."""
    program, *words = words
    if program == "torchrun":
        arguments = get_args_parser().parse_args(words)
        assert arguments.module
        assert arguments.training_script == "selfdistill"
        return arguments.training_script_args
    if program == "sbatch":
        assert 'srun selfdistill train "$@"' in (ROOT / words[0]).read_text()
        return ["train", *words[1:]]
    return words


@pytest.mark.parametrize("words", documented(blocks))
def test_a_command_of_a_page(words, request, tmp_path, monkeypatch):
    if words[0] in OTHERS:
        return
    line = shlex.join(words)
    assert words[0] in OURS, f"say here how {words[0]} is tried, or why not"
    words = of_train(words)
    if words[0] not in RUN or any(part in line for part in ONLY_READ):
        request.getfixturevalue("reading")
        read(words)
        return
    if words[0] == "train":
        words += [*shorter(line), "--out", str(tmp_path)]
    if words[0] == "study":
        monkeypatch.setattr(studies.StudyRunner, "run", end)
        words += ["--out", str(tmp_path / "study")]
    with pytest.raises(Read) if words[0] == "study" else nullcontext():
        assert cli.main(["--debug", *words]) == 0


@pytest.mark.parametrize("words", documented(sentences))
def test_a_command_of_a_sentence(words, reading):
    read(list(words[1:]))


def test_commands_of_sentences_exist():
    for page in PAGES:
        named = set(re.findall(r"`selfdistill\s(\w+)", page.read_text()))
        assert named <= cli.COMMANDS.keys(), page


def test_what_is_misspelt_is_found(reading):
    for line in (
        "train --data photos/ --image-sise 9",
        "study digits --job 2",
        "predict RUN a --to 3",
    ):
        with pytest.raises(ValueError, match=r"unknown|unrecognized"):
            read(line.split())
