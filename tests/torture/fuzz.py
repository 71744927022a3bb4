"""Flags, folders and recipes drawn at random: whatever they are, well done or one line."""

import shutil

import yaml

from selfdistill import recipes
from selfdistill.cli import COMMANDS

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
FLAGS = {
    "--epochs": ("2", "3"),
    "--batch-size": ("4", "7", "50"),
    "--warmup-epochs": ("0", "1"),
    "--image-size": ("16", "33"),
    "--seed": ("5", "123456789"),
    "--threads": ("1", "2"),
    "--devices": ("1",),
    "--accelerator": ("cpu", "auto"),
    "--precision": ("fp32", "bf16", "auto"),
    "--ema-decay": ("0.5", "0.999"),
    "--accumulation": ("2", "4"),
    "--optimizer": ("AdamW", "Adam", "RMSprop"),
    "--optimizer.lr": ("0.1", "1e-5"),
    "--optimizer.momentum": ("0.5", "0"),
    "--schedule": ("ConstantLR", "LinearLR", "StepLR", "ExponentialLR"),
    "--method": ("SKDSAM", "BYOT", "CSKD", "SLASD", "DDGSD"),
    "--method.temperature": ("2", "0.5"),
    "--backbone": ("small", "resnet18_cifar", "wrn_16_2"),
    "--backbone.width": ("4", "12"),
    "--data": ("Digits",),
    "--data.root": (".",),
    "--data.validation-per-class": ("1", "2"),
    "--data.train-per-class": ("4", "6"),
    "--augment": ("[]", "HorizontalFlip"),
    "--init": (),
    "--adversary": ("PGD",),
    "--adversary.steps": ("1", "2"),
    "--checkpoint-seconds": ("0", "1.5"),
    "--stop-after": ("100", "1h"),
    "--logger": ("tensorboard",),
    "--validate-every": ("1", "2"),
    "--deterministic": ("true", "false"),
    "--overwrite": (),
    "--test": (),
    "--config": ("digits",),
    "--lr": ("0.1",),
    "--label-smoothing": ("0.1",),
    "--backbone.pretrained": (),
    "--out": ("other",),
}
"""Options of train, and values that suit them."""


@promise("R20", "random flags of train: trained, or one line with a documented code")
def flags(ground):
    made = ground.folder / "fuzzed"
    for _ in range(ground.of(12, 300)):
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        drawn = []
        for _ in range(ground.random.randint(1, 3)):
            flag = ground.random.choice(list(FLAGS))
            suits = ground.random.random() < 0.7
            values = FLAGS[flag] if suits else VALUES
            drawn.append(f"{flag}={ground.random.choice(values)}" if values else flag)
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
