"""Flags, folders and recipes drawn at random: whatever they are, well done or one line."""

import shutil

import yaml

from selfdistill import recipes
from selfdistill.cli.commands import COMMANDS

from .attempts import Attempt, fault, promise
from .children import run
from .pictures import OWN, noise, strange
from .trained import SMALL, finished

VALUES = (
    *(
        "0",
        "-1",
        "1",
        "2",
        "1e9",
        "1e400",
        "-1e400",
        "nan",
        "inf",
        "9" * 40,
        "0x10",
        "1_000",
        "1.5",
    ),
    *("null", "true", "[]", "{}", "[1, 2]", "{a: 1}", "''", "", " ", "x", "../x", "/", "\x1b[31m"),
    *("SGD", "CrossEntropy", "KD", "os.system", "😀", "--epochs", "=", "1 2", "*", "%s", "{0}"),
)
FLAGS = (
    *("--epochs", "--batch-size", "--warmup-epochs", "--image-size", "--seed", "--threads"),
    *("--devices", "--accelerator", "--precision", "--ema-decay", "--accumulation", "--compile"),
    *("--optimizer", "--optimizer.lr", "--optimizer.momentum", "--schedule", "--method"),
    *("--method.temperature", "--backbone", "--backbone.width", "--data", "--data.root"),
    *("--data.validation-per-class", "--data.train-per-class", "--augment", "--mixing", "--init"),
    *("--adversary", "--adversary.steps", "--checkpoint-seconds", "--stop-after", "--logger"),
    *("--validate-every", "--deterministic", "--overwrite", "--test", "--config", "--lr"),
    *("--num-nodes", "--label-smoothing", "--out", "--clip-norm", "--backbone.pretrained"),
)


@promise("R20", "random flags of train: trained, or one line with a documented code")
def flags(ground):
    made = ground.folder / "fuzzed"
    for _ in range(ground.of(12, 300)):
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        drawn = []
        for _ in range(ground.random.randint(1, 3)):
            flag, value = ground.random.choice(FLAGS), ground.random.choice(VALUES)
            drawn += ground.random.choice(([flag, value], [f"{flag}={value}"], [flag]))
        words = ["train", *SMALL, "--epochs", "1", "--warmup-epochs", "0", "--out", "run", *drawn]
        answer = run(words, cwd=made, memory=5 << 30)
        yield Attempt(" ".join(map(repr, drawn)), fault(answer), _outcome(answer))


@promise("R20", "random words for every other command: done, or one line with a documented code")
def words(ground):
    whole, made = finished(ground.folder, "SKDSAM"), ground.folder / "fuzzed"
    commands = [name for name in COMMANDS if name not in ("train", "quickstart", "study")]
    options = (
        "--format",
        "--top-k",
        "--split",
        "--exits",
        "--weights",
        "--to",
        "--title",
        "--root",
    )
    for number in range(ground.of(12, 200)):
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        noise(1).save(made / "p.png")
        pool = (*VALUES, *options, str(whole), "p.png", "json", "test", "check")
        drawn = [ground.random.choice(pool) for _ in range(ground.random.randint(0, 4))]
        command = commands[number % len(commands)]
        answer = run([command, *drawn], cwd=made, memory=5 << 30)
        yield Attempt(f"{command} {drawn!r}", fault(answer), _outcome(answer))


@promise("R20", "random trees of folders and pictures, checked and trained: done, or one line")
def trees(ground):
    odd = [content for _, content in strange()]
    names = (
        "train",
        "val",
        "test",
        "Train",
        "valid",
        "a",
        "b",
        "c",
        ".git",
        "__MACOSX",
        "a b",
        "x.png",
    )
    for number in range(ground.of(4, 80)):
        folder, made = ground.folder / "tree", ground.folder / "fuzzed"
        for path in (folder, made):
            shutil.rmtree(path, ignore_errors=True)
        folder.mkdir()
        _grow(folder, ground.random, names, odd, depth=ground.random.randint(1, 3))
        for command in (
            ["data", "check", folder],
            ["train", "--data", folder, *OWN, "--cache-dir", made / "cache", "--out", made / "run"],
        ):
            answer = run(command, memory=5 << 30)
            wrong = fault(answer)
            if wrong and command[0] == "data" and answer.code == 2 and not answer.traceback:
                wrong = None if answer.out.strip() else wrong
            yield Attempt(f"{command[0]}, tree {number}", wrong, _outcome(answer))


@promise("R20", "random changes to recipes: trained, or one line with a documented code")
def fuzzed_recipes(ground):
    made = ground.folder / "fuzzed"
    plain = yaml.safe_load(recipes.find("digits").read_text())
    for _ in range(ground.of(6, 150)):
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        text = yaml.safe_dump(_changed(plain, ground.random), sort_keys=False)
        for _ in range(ground.random.randint(0, 2)):
            at = ground.random.randrange(len(text))
            text = (
                text[:at] + ground.random.choice("{}[]:,-&*!|>'\"%@`\n\t #x1\0é") + text[at + 1 :]
            )
        (made / "r.yaml").write_text(text)
        words = ["train", "--config", "r.yaml", "--epochs", "1", "--warmup-epochs", "0"]
        small = ["--backbone.width", "4", "--data.train-per-class", "3", "--threads", "1"]
        answer = run([*words, *small, "--out", "run"], cwd=made, memory=5 << 30)
        yield Attempt(repr(text[-150:]), fault(answer), _outcome(answer))


def _changed(value, random):
    """A tree with one thing in it replaced."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        key = random.choice(list(value))
        if random.random() < 0.1:
            return {name: inner for name, inner in value.items() if name != key}
        return {**value, key: _changed(value[key], random)}
    if isinstance(value, list) and value and random.random() < 0.7:
        at = random.randrange(len(value))
        return [*value[:at], _changed(value[at], random), *value[at + 1 :]]
    return random.choice((None, -1, 0, 1, 1.5, 1e30, "x", "", [], {}, [1], {"a": 1}, True, "1e3"))


def _grow(folder, random, names, odd, depth):
    for name in random.sample(names, random.randint(1, 4)):
        if depth > 1 and random.random() < 0.6:
            (folder / name).mkdir(exist_ok=True)
            _grow(folder / name, random, names, odd, depth - 1)
        elif not (folder / name).exists():
            (folder / name).mkdir()
            for number in range(random.choice((0, 4, 9, 20))):
                noise(random.randrange(10**6)).save(folder / name / f"{number}.png")
            if random.random() < 0.2:
                (folder / name / "odd.jpg").write_bytes(random.choice(odd))


def _outcome(answer):
    return "refused" if answer.code else "done"
