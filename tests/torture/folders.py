"""Run directories: one trainer at a time, one recipe for good, and never anybody else's files."""

import os
import shutil
import time

from .attempts import Attempt, fault, promise, refused
from .children import Child, run
from .damage import GARBAGE
from .digest import differing, digest, tree
from .points import Points
from .trained import NAMES, SMALL, copy, finished, place, unfinished, words_of

METHOD = "CrossEntropy"
OTHER = {
    "seed": ["--seed", "9"],
    "epochs": ["--epochs", "3"],
    "batch_size": ["--batch-size", "8"],
    "lr": ["--optimizer.lr", "0.01"],
    "momentum": ["--optimizer.momentum", "0.5"],
    "weight_decay": ["--optimizer.weight_decay", "0"],
    "nesterov": ["--optimizer.nesterov", "false"],
    "warmup_epochs": ["--warmup-epochs", "0"],
    "ema_decay": ["--ema-decay", "0.8"],
    "width": ["--backbone.width", "4"],
    "backbone": ["--backbone", "resnet18_cifar"],
    "train_per_class": ["--data.train-per-class", "6"],
    "test_per_class": ["--data.test-per-class", "5"],
    "validation_per_class": ["--data.validation-per-class", "3"],
    "schedule": ["--schedule", "LinearLR"],
    "optimizer": ["--optimizer", "AdamW"],
    "augment": ["--augment", "[]"],
    "method": ["--method", "BYOT"],
    "accumulation": ["--accumulation", "2"],
    "validate_every": ["--validate-every", "2"],
}
PROJECT = (
    *("checkpoints/best.ckpt", "checkpoints/epoch=3.ckpt", "model/net.py", "model/config.json"),
    *("attachments/mail.txt", "tensorboard/events.mine", "log.jsonl", "notes.txt", "summary.txt"),
)


@promise(
    "R8", "another recipe in a run's folder: refused by field, finished or not; nothing touched"
)
def other_recipes(ground):
    for state, path in (
        ("finished", finished(ground.folder, METHOD)),
        ("unfinished", unfinished(ground.folder, METHOD)),
    ):
        for field, change in ground.some(OTHER.items(), 2):
            there = copy(path, place(ground.folder, "other"))
            before = tree(there)
            answer = run([*words_of(METHOD, ground.folder), *change, "--out", there])
            attempt = refused(f"{field}, {state}", answer, field, codes=(2,))
            if attempt.wrong is None and tree(there) != before:
                attempt = Attempt(attempt.what, f"changed {differing(tree(there), before)}")
            yield attempt


@promise(
    "R8", "the recipe lost, another one given: refused; never the weights of one under another"
)
def lost_recipes(ground):
    for field, change in ground.some(list(OTHER.items())[:8], 2):
        for path in (finished(ground.folder, METHOD), unfinished(ground.folder, METHOD)):
            there = copy(path, place(ground.folder, "other"))
            (there / "recipe.yaml").unlink()
            answer = run([*words_of(METHOD, ground.folder), *change, "--out", there])
            yield refused(f"{field}, recipe.yaml lost", answer, "recipe", codes=(2, 3))


@promise("R9a", "a folder that holds anything but a run: no file of it is changed, by no command")
def foreign_folders(ground):
    for name in ground.some(PROJECT, 3):
        for more in ([], ["--overwrite"]):
            path = place(ground.folder, "project")
            shutil.rmtree(path, ignore_errors=True)
            (path / name).parent.mkdir(parents=True)
            (path / name).write_text("precious")
            answer = run(["train", *SMALL, "--method", METHOD, *more, "--out", path])
            wrong = fault(answer)
            if not (path / name).exists() or (path / name).read_text() != "precious":
                wrong = "was removed or replaced"
            yield Attempt(f"{name} {' '.join(more)}", wrong, "spared")


@promise("R9a", "a run begun afresh beside files of others: they stay")
def overwriting(ground):
    for name in ground.some(PROJECT[:2] + PROJECT[4:6] + PROJECT[7:], 2):
        path = copy(finished(ground.folder, METHOD), place(ground.folder, "over"))
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text("precious")
        answer = run([*words_of(METHOD, ground.folder), "--overwrite", "--out", path])
        kept = (path / name).exists() and (path / name).read_text() == "precious"
        wrong = fault(answer) or (None if kept else "was removed or replaced")
        if wrong is None and answer.code == 0:
            (path / name).unlink()
            others = differing(digest(path), digest(finished(ground.folder, METHOD)))
            others = [part for part in others if part != "names"]
            wrong = f"trained otherwise: {others}" if others else None
        yield Attempt(name, wrong, "spared")


@promise(
    "R9", "a second trainer in a folder: refused, naming the holder; the first is not disturbed"
)
def second_trainers(ground):
    """The first one waits in its first step until the second one has tried."""
    expected = digest(finished(ground.folder, METHOD))
    for holder in ground.some((None, b"", *GARBAGE), 2):
        path, gate = place(ground.folder, "held"), ground.folder / "gate"
        shutil.rmtree(path, ignore_errors=True)
        gate.unlink(missing_ok=True)
        words = [*words_of(METHOD, ground.folder), "--out", path]
        first = Child(words, before=lambda gate=gate: _waiting(gate))
        while not first.ended() and not (gate.with_suffix(".reached")).exists():
            time.sleep(0.01)
        if holder is not None:
            (path / ".holder.json").write_bytes(holder)
        answer = run(words)
        gate.touch()
        whole = first.wait()
        gate.with_suffix(".reached").unlink(missing_ok=True)
        names = [str(first.pid)] if holder is None else []
        attempt = refused(f"holder {holder!r:.20}", answer, *names, codes=(5,))
        if attempt.wrong is None and (whole.code or digest(path) != expected):
            attempt = Attempt(attempt.what, f"the first was disturbed: {whole.last}")
        yield attempt


def _waiting(gate):
    def act():
        gate.with_suffix(".reached").touch()
        while not gate.exists():
            time.sleep(0.01)

    Points(at=60, act=act)


@promise("R9", "three trainers at once: one trains, the others are refused or find it finished")
def races(ground):
    expected = digest(finished(ground.folder, METHOD))
    for number in range(ground.of(1, 20)):
        path = place(ground.folder, "raced")
        shutil.rmtree(path, ignore_errors=True)
        words = [*words_of(METHOD, ground.folder), "--out", path]
        children = [Child(words) for _ in range(3)]
        answers = [child.wait() for child in children]
        wrong = next((problem for answer in answers if (problem := fault(answer))), None)
        codes = sorted(answer.code for answer in answers)
        if wrong is None and (set(codes) - {0, 5} or codes[0] != 0):
            wrong = f"codes {codes}"
        if wrong is None and (others := differing(digest(path), expected)):
            wrong = f"differs in {others}"
        yield Attempt(f"race {number}", wrong, "one trains")


@promise(
    "R9", "a holder that was killed: its lock is free at once", parts=NAMES, few=("CrossEntropy",)
)
def killed_holders(ground, method):
    path = copy(unfinished(ground.folder, method), place(ground.folder, "freed"))
    answer = run([*words_of(method, ground.folder), "--out", path])
    yield Attempt(method, fault(answer) or (None if answer.code == 0 else answer.last), "free")


@promise("R9a", "the umask holds for every file of a run")
def umask(ground):
    for mask in ground.some((0o077, 0o027, 0o022), 1):
        path = place(ground.folder, "masked")
        shutil.rmtree(path, ignore_errors=True)
        words = [*words_of(METHOD, ground.folder), "--out", path]
        run(words, before=lambda mask=mask: os.umask(mask))
        for file in sorted(path.rglob("*")):
            wide = file.stat().st_mode & mask
            yield Attempt(
                f"{mask:o} {file.name}", f"mode {wide:o} too wide" if wide else None, "kept"
            )
