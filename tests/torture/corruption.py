"""Runs with damaged files: noticed, by name, or without effect; never other answers in silence."""

import shutil
import warnings
from functools import cache

import torch
from PIL import Image

from selfdistill.failures import UnusableCheckpoint
from selfdistill.training import checkpoint

from .attempts import Attempt, fault, promise
from .children import run
from .damage import FILE_DAMAGES, damage_all, flip
from .digest import differing, digest, tree
from .trained import SMALL, WORDS, copy, finished, place, unfinished, words_of

METHOD = "SKDSAM"
PUPIL = [*SMALL, "--epochs", "1", "--warmup-epochs", "0", "--data.validation-per-class", "2"]
COMMANDS = {
    "evaluate": ["evaluate", "RUN", "--format", "json"],
    "evaluate --split test": ["evaluate", "RUN", "--split", "test", "--format", "json"],
    "predict": ["predict", "RUN", "PICTURE", "--format", "json"],
    "predict --exits": ["predict", "RUN", "PICTURE", "--exits", "--format", "json"],
    "compare": ["compare", "RUN"],
    "report": ["report", "RUN", "--to", "MADE"],
    "attention": ["attention", "RUN", "PICTURE"],
    "train again": ["train", *WORDS, "--method", METHOD, "--out", "RUN"],
    "train --init": ["train", *PUPIL, "--method", "CrossEntropy", "--init", "RUN", "--out", "MADE"],
    "teacher": ["train", *PUPIL, "--method", "KD", "--method.teacher", "RUN", "--out", "MADE"],
}


@promise("R6", "the newest checkpoint damaged: passed over by name and reason, the last one taken")
def newest_checkpoint(ground):
    whole = unfinished(ground.folder, METHOD) / "checkpoints"
    older, newest = sorted(file.stem for file in whole.glob("*.pt"))
    content = (whole / f"{newest}.pt").read_bytes()
    for number in range(ground.of(28, 400)):
        folder = copy(whole, ground.folder / "damaged-checkpoints")
        damage = list(FILE_DAMAGES)[number % (len(FILE_DAMAGES) - 1)]
        file = folder / f"{newest}{ground.random.choice(('.pt', '.pt', '.json'))}"
        FILE_DAMAGES[damage](file, ground.random)
        what, (found, said, wrong) = f"{damage} {file.suffix}", _load(folder)
        same = (folder / f"{newest}.pt").is_file() and (
            (folder / f"{newest}.pt").read_bytes() == content
        )
        if same and found == _step(whole, newest):
            yield Attempt(what, None, "a part that decides nothing")
            continue
        if wrong is None and found != _step(whole, older):
            wrong = f"went on from {found}"
        if wrong is None and newest not in said:
            wrong = f"said {said!r}"
        yield Attempt(what, wrong, "passed over")


@promise("R6", "both checkpoints damaged: refused by name, never a fresh start")
def both_checkpoints(ground):
    whole = unfinished(ground.folder, METHOD) / "checkpoints"
    for number in range(ground.of(12, 60)):
        folder = copy(whole, ground.folder / "damaged-checkpoints")
        damage = list(FILE_DAMAGES)[number % (len(FILE_DAMAGES) - 1)]
        for file in sorted(folder.glob("*.pt")):
            FILE_DAMAGES[damage](file, ground.random)
        found, said, wrong = _load(folder)
        if wrong is None and found is not None:
            wrong = f"went on from {found}"
        if wrong is None and not all(file.stem in said for file in whole.glob("*.pt")):
            wrong = f"said {said!r}"
        yield Attempt(f"{damage} both", wrong, "refused")


def _load(folder):
    """Epoch and step of what is gone on from, what is said, and what must not happen."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            state = checkpoint.load_latest(folder, device=torch.device("cpu"))
        except UnusableCheckpoint as error:
            return None, str(error), None
        except Exception as error:
            return None, "", repr(error)
    said = " ".join(str(warning.message) for warning in caught)
    if state is None:
        return None, said, "a fresh start"
    return (state["epoch"], state["step"]), said, None


@cache
def _step(folder, name):
    state = torch.load(folder / f"{name}.pt", weights_only=True)
    return state["epoch"], state["step"]


@promise(
    "R6",
    "an unfinished run, each file damaged: goes on to the same end, or refuses by name",
    parts=("CrossEntropy", "SKDSAM"),
    few=("SKDSAM",),
)
def unfinished_runs(ground, method):
    expected = digest(finished(ground.folder, method))
    whole = unfinished(ground.folder, method)
    for file, name, damage in ground.some(damage_all(whole), 7):
        path = copy(whole, place(ground.folder, "damaged"))
        damage(path / file, ground.random)
        answer = run([*words_of(method, ground.folder), "--out", path])
        what, wrong = f"{name} {file}", fault(answer)
        if wrong is None and answer.code:
            yield Attempt(what, None if _names(file, answer.err) else _unnamed(answer), "refused")
            continue
        others = wrong is None and differing(digest(path), expected)
        if others and not _said(file, answer):
            wrong = f"ends otherwise, nothing said: {', '.join(others)}"
        yield Attempt(what, wrong, "said" if others else "the same")


@promise(
    "R6",
    "a finished run, each file damaged, under every command: the same answer, or said by name",
    parts=tuple(COMMANDS),
    few=("predict", "evaluate", "train again", "compare"),
)
def finished_runs(ground, command):
    whole = finished(ground.folder, METHOD)
    for file, name, damage in ground.some(damage_all(whole), 10):
        yield _damaged(ground, command, whole, file, name, damage)


@promise(
    "R6",
    "a bit flipped in weights, attachments or summary: no other answer without a word",
    parts=("predict", "predict --exits", "evaluate", "compare"),
    few=("predict --exits",),
)
def flipped_bits(ground, command):
    whole = finished(ground.folder, METHOD)
    files = [
        *(whole / "model").glob("*"),
        *(whole / "attachments").glob("*"),
        whole / "summary.json",
    ]
    for number in range(ground.of(6, 25)):
        file = files[number % len(files)].relative_to(whole)
        yield _damaged(ground, command, whole, file, "a flipped bit in", flip)


def _damaged(ground, command, whole, file, name, damage):
    """An attempt to get another answer from a damaged run than from a whole one, unsaid."""
    path = copy(whole, place(ground.folder, "damaged"))
    damage(path / file, ground.random)
    before, what = tree(path), f"{command}, {name} {file}"
    answer, content = _ask(ground, command, path)
    wrong = fault(answer)
    if wrong is None and answer.code:
        return Attempt(what, None if _names(file, answer.err) else _unnamed(answer), "refused")
    same = (answer.out, content) == _expected(ground, command)
    if command == "train again":
        same = tree(path) == before or not differing(digest(path), digest(whole))
    if wrong is None and not same and not _said(file, answer):
        wrong = f"another answer, nothing said: {answer.last[:100]}"
    return Attempt(what, wrong, "the same" if same else "said")


def _ask(ground, command, path):
    """A command's answer about a run, and what it wrote."""
    made = ground.folder / "made"
    shutil.rmtree(made, ignore_errors=True)
    named = {"RUN": path, "MADE": made, "PICTURE": _picture(ground)}
    words = [named.get(word, word) for word in COMMANDS[command]]
    answer = run(words, cwd=ground.folder)
    if words[0] == "train":
        answer = answer._replace(out="")  # tells of seconds
    files = (made / "model" / "model.safetensors", made / "index.html")
    return answer, [file.read_bytes() for file in files if file.exists()]


def _expected(ground, command):
    key = (ground.folder, command)
    if key not in _ANSWERS:
        whole = copy(finished(ground.folder, METHOD), place(ground.folder, "damaged"))
        answer, content = _ask(ground, command, whole)
        assert answer.code == 0, answer
        _ANSWERS[key] = answer.out, content
    return _ANSWERS[key]


_ANSWERS = {}


def _picture(ground):
    file = ground.folder / "picture.png"
    if not file.exists():
        Image.linear_gradient("L").convert("RGB").resize((40, 40)).save(file)
    return file


def _names(file, text):
    return any(part in text for part in (file.name, *(p.name for p in file.parents if p.name)))


def _said(file, answer):
    return any(_names(file, line) for line in answer.warnings + answer.out.splitlines())


def _unnamed(answer):
    return f"does not name the file: {answer.last[:200]}"
