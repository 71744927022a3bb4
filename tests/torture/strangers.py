"""Recipes, runs and weights from strangers: read, bounded, never executed."""

import ast
import io
import json
import os
import pickle
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch
import yaml

import selfdistill
from selfdistill import recipes

from .attempts import Attempt, fault, promise
from .children import run
from .damage import GARBAGE
from .digest import tree
from .pictures import noise, saved
from .trained import SMALL, copy, finished, place

METHOD = "SKDSAM"
EXECUTED = "EXECUTED"
SOURCE = f"open({EXECUTED!r}, 'w')\ndef f(*a, **k):\n    open({EXECUTED!r}, 'w')\n    return 1.0\n"


class Evil:
    """Unpickling it runs a command."""

    def __reduce__(self):
        return os.system, (f"touch {EXECUTED}",)


def _class(path, **arguments):
    return {"class_path": path, "init_args": arguments}


CYCLIC = {"base_lr": 0.01, "max_lr": 0.1, "cycle_momentum": False}
RECIPES = {
    "callable scale_fn": {"schedule": _class("CyclicLR", **CYCLIC, scale_fn="evil.f")},
    "os._exit as scale_fn": {"schedule": _class("CyclicLR", **CYCLIC, scale_fn="os._exit")},
    "callable lr_lambda": {"schedule": _class("LambdaLR", lr_lambda="evil.f")},
    "callable in multiplicative": {"schedule": _class("MultiplicativeLR", lr_lambda="evil.f")},
    "full torch path": {
        "schedule": _class("torch.optim.lr_scheduler.LambdaLR", lr_lambda="evil.f")
    },
    "os.system as method": {"method": _class("os.system", command=f"touch {EXECUTED}")},
    "Popen as method": {"method": _class("subprocess.Popen", args=["touch", EXECUTED])},
    "Popen as optimizer": {"optimizer": _class("subprocess.Popen", args=["touch", EXECUTED])},
    "own module as method": {"method": _class("evil.Method")},
    "own file as method": {"method": _class("./evil.py:Method")},
    "own module as data": {"data": _class("evil.Data")},
    "own module as augment": {"augment": [_class("evil.f")]},
    "own module as optimizer": {"optimizer": _class("evil.f", lr=0.1)},
    "own network": {"backbone": {"name": "evil.f"}},
    "eval as lr": {"optimizer": _class("SGD", lr="__import__('evil')")},
    "python tag": {"epochs": "!!python/object/apply:os.system [touch EXECUTED]"},
    "out and overwrite": {"out": "VICTIM", "overwrite": True},
    "out": {"out": "VICTIM"},
    "cache elsewhere": {"cache_dir": "VICTIM"},
    "logger": {"logger": ["tensorboard"], "out": "VICTIM"},
    "huge width": {"backbone": {"name": "small", "width": 10**9}},
    "huge batch": {"batch_size": 10**15},
    "huge epochs": {"epochs": 10**400},
    "infinite lr": {"optimizer": _class("SGD", lr=float("inf"))},
    "NaN temperature": {"method": _class(METHOD, temperature=float("nan"))},
    "negative": {"batch_size": -1},
    "a list": {"method": [1, 2]},
    "nothing": {"data": None},
    "unknown field": {"surprise": 1},
    "deep": {"method": None},
}
TEXTS = {
    "aliases": lambda: _aliases() + recipes.find("digits").read_text(),
    "mistyped": lambda: "epochs: 3\noptimizer: {class_path: SGD\nbatch_size: 16\n",
    "python tag": lambda: f"!!python/object/apply:os.system ['touch {EXECUTED}']\n",
    "python name": lambda: "epochs: !!python/name:evil.f\n",
    "deep list": lambda: "epochs: " + "[" * 10_000,
    "deep mapping": lambda: "{a: " * 5000,
    "empty": lambda: "",
    "a list": lambda: "- 1\n",
    "tabs": lambda: "epochs:\t3\n\tx: 1\n",
    "two documents": lambda: "epochs: 3\n---\nepochs: 4\n",
    "twice the same key": lambda: "epochs: 3\nepochs: 4\n",
    "NUL": lambda: "epochs: 3\0\n",
    "large": lambda: "# " + "x" * (3 << 20) + "\nepochs: 3\n",
    "long number": lambda: "epochs: " + "9" * 100_000 + "\n",
    "merge key": lambda: "<<: {epochs: 3}\n",
    "base 60": lambda: "epochs: 190:20:30\n",
    "a date": lambda: "epochs: 2001-01-01\n",
}


def _aliases():
    lines = ["a: &a [x,x,x,x,x,x,x,x,x,x]"]
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]")
    return "\n".join(lines) + "\n"


@promise(
    "R18", "recipes with bombs, callables, class paths, places to write: nothing runs, one line"
)
def hostile_recipes(ground):
    plain = yaml.safe_load(recipes.find("digits").read_text())
    texts = dict(TEXTS)
    for name, change in RECIPES.items():
        texts[f"{name}."] = lambda c=change: yaml.safe_dump({**plain, **c}, sort_keys=False)
    for name in ground.some(texts, 12):
        folder, victim = _ground(ground)
        text = texts[name]().replace("VICTIM", str(victim))
        (folder / "evil.yaml").write_text(text)
        words = ["train", "--config", "evil.yaml", "--out", "made", "--epochs", "2"]
        yield _inert(
            name, folder, victim, run(words, cwd=folder, before=_importing, memory=6 << 30)
        )


@promise("R18", "a run from elsewhere whose recipe and place name code, folders, options")
def hostile_runs(ground):
    evil = {name: c for name, c in RECIPES.items() if "own" in name or "Popen" in name}
    commands = (
        ("evaluate", "RUN"),
        ("predict", "RUN", "PIC", "--exits"),
        ("attention", "RUN", "PIC"),
    )
    for name, change in ground.some(evil.items(), 2):
        for command in ground.some(commands, 2):
            folder, victim = _ground(ground)
            run_ = copy(finished(ground.folder, METHOD), folder / "run")
            recipe = yaml.safe_load((run_ / "recipe.yaml").read_text())
            (run_ / "recipe.yaml").write_text(yaml.safe_dump({**recipe, **change}))
            yield _inert(f"{command[0]}, {name}", folder, victim, _ask(folder, command))
    for whereabouts in (
        {"out": "VICTIM", "overwrite": "true"},
        {"overwrite": "true", "config": "evil.yaml"},
        {"cache_dir": "VICTIM", "logger": "tensorboard"},
    ):
        folder, victim = _ground(ground)
        run_ = copy(finished(ground.folder, METHOD), folder / "run")
        place_ = yaml.safe_dump({"whereabouts": whereabouts}).replace("VICTIM", str(victim))
        (run_ / "place.yaml").write_text(place_)
        answer = run(["train", "--config", run_ / "recipe.yaml", "--out", "made"], cwd=folder)
        yield _inert(f"place {whereabouts}", folder, victim, answer)


@promise(
    "R20", "forged summaries, descriptions of networks, arrays: one line by name, bounded memory"
)
def forged_files(ground):
    for name, file, change, command in ground.some(_forgeries(), 8):
        folder, victim = _ground(ground)
        run_ = copy(finished(ground.folder, METHOD), folder / "run")
        change(run_ / file)
        shutil.rmtree(folder / "model", ignore_errors=True)
        if command[1] == "MODEL":
            (run_ / "model").rename(folder / "model")
        attempt = _inert(f"{command[0]}, {name}", folder, victim, _ask(folder, command))
        yield attempt


FIELDS = {
    "num_classes": (10**9, "ten", -1, 0, None, 3, [10]),
    "architecture": (5, "nowhere", "wrn_100006_1", "../evil", "evil.f", "os.system", ""),
    "model_args": (
        {"x": 1},
        {"pretrained": True},
        {"pretrained": "/etc/passwd"},
        5,
        {"width": 10**9},
    ),
    "arguments": ({"x": 1}, {"pretrained": True}, {"checkpoint_path": "/etc/passwd"}, 5, [1]),
    "label_names": (["a"], "abc", [1] * 10, None, ["\x1b[31m"] * 10),
    "pretrained_cfg": (5, {}, {"input_size": [3, 10**5, 10**5]}, {"crop_pct": 0}, {"mean": "x"}),
}
SUMMARIES = {
    "seed": (float("inf"), "x", None, 10**400, [1]),
    "images": (0, {}, {"train": "x"}, {"train": -1}, None),
    "curve": ({}, [], {"epoch": []}, {"epoch": [1], "terms": 5}, None, {"epoch": [1e999]}),
    "cost": ({}, {"seconds": "x"}, {"seconds": -1}, {"macs_per_exit": [1]}, 5),
    "test": ({}, {"last": {}}, {"last": {"network": {"accuracy": "x"}}}, 5),
    "validation": ({}, {"last": {}}, {"last": {"network": {"accuracy": float("nan")}}}, 5),
    "recipe": ({}, 5, {"method": 5}, {"method": {"class_path": "evil.Method"}}, None),
    "recipe_hash": (5, None, "x" * 10**6),
    "name": (5, None, "../../x", "\x1b[31m", "<script>alert(1)</script>"),
    "format": (99, "x", None),
    "environment": ({}, 5, {"started": 5}, None),
    "weights": (5, "sha256:0", None),
    "files": (5, {}, {"../../x": "sha256:0"}, {"model/model.safetensors": 5}),
}


def _forgeries():
    """Name, file, the change to it, and a command that reads it."""
    found = []
    for field, values in FIELDS.items():
        for value in values:
            found.append(
                (
                    f"{field}: {_short(value)}",
                    "model/config.json",
                    _setting(field, value),
                    ("predict", "MODEL", "PIC"),
                )
            )
    for field, values in SUMMARIES.items():
        for value in values:
            for command in (
                ("compare", "RUN"),
                ("report", "RUN", "--to", "made"),
                ("evaluate", "RUN"),
            ):
                found.append(
                    (f"{field}: {_short(value)}", "summary.json", _setting(field, value), command)
                )
    for content in GARBAGE:
        for file in ("summary.json", "recipe.yaml", "place.yaml", "environment.json", "log.jsonl"):
            for command in (("compare", "RUN"), ("evaluate", "RUN")):
                found.append((f"{content[:8]!r} in {file}", file, _writing(content), command))
    for name, make in ARRAYS.items():
        for command in (("report", "RUN", "--to", "made"), ("compare", "RUN")):
            found.append(
                (f"{name} in predictions.npz", "predictions.npz", _writing_with(make), command)
            )
            found.append((f"{name} in shown.npz", "shown.npz", _writing_with(make), command))
    return found


def _short(value):
    return repr(value)[:30]


def _setting(field, value):
    def change(file):
        values = json.loads(file.read_text())
        values.pop("sha256", None)  # a forger would leave it out
        values[field] = value
        file.write_text(json.dumps(values))

    return change


def _writing(content):
    return lambda file: file.write_bytes(content)


def _writing_with(make):
    return lambda file: file.write_bytes(make())


def _zip(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return stream.getvalue()


def _header(text, content=b""):
    """An array file with a header of one's own."""
    header = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content


def _objects():
    stream = io.BytesIO()
    np.savez(stream, labels=np.array([Evil()], dtype=object), network=np.zeros((1, 10)))
    return stream.getvalue()


ARRAYS = {
    "objects": _objects,
    "claims 20 GB": lambda: _zip(
        labels=_header("{'descr': '<i8', 'fortran_order': False, 'shape': (2500000000,), }"),
        network=_header("{'descr': '<f2', 'fortran_order': False, 'shape': (2500000000, 10), }"),
    ),
    "code in a header": lambda: _zip(
        labels=_header(f"__import__('os').system('touch {EXECUTED}')")
    ),
    "unfolds to 1 GB": lambda: _zip(
        labels=_header(
            "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000,), }", bytes(10**9)
        )
    ),
    "no members": lambda: _zip(),
    "other shapes": lambda: _zip(
        labels=_header("{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }", bytes(8))
    ),
}


@promise("R15", "pickles as weights, teachers, checkpoints, arrays: none executed, one line each")
def pickles(ground):
    for name, make in ground.some(PICKLES.items(), 2):
        for option in ground.some(("--init", "--method.teacher", "--backbone.pretrained"), 1):
            folder, victim = _ground(ground)
            (folder / name).write_bytes(make())
            method = "KD" if "teacher" in option else "CrossEntropy"
            words = ["train", *SMALL, "--method", method, option, name, "--out", "made"]
            if "pretrained" in option:
                words += ["--backbone", "resnet10t"]
            yield _inert(f"{option} {name}", folder, victim, run(words, cwd=folder))
        folder, victim = _ground(ground)
        run_ = copy(finished(ground.folder, METHOD), folder / "run")
        (run_ / "model" / "model.safetensors").write_bytes(make())
        yield _inert(f"predict {name}", folder, victim, _ask(folder, ("predict", "RUN", "PIC")))


PICKLES = {
    "evil.pt": lambda: _torch({"state_dict": Evil()}),
    "evil.pkl": lambda: pickle.dumps(Evil()),
    "evil.safetensors": lambda: pickle.dumps(Evil()),
    "evil.pth": lambda: _torch(Evil()),
    "old.pth": lambda: _torch(Evil(), _use_new_zipfile_serialization=False),
    "module.pt": lambda: _torch(torch.nn.Linear(2, 2)),
}


def _torch(value, **options):
    stream = io.BytesIO()
    torch.save(value, stream, **options)
    return stream.getvalue()


FORBIDDEN = {"eval", "exec", "compile", "__import__"}
UNPICKLERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


@promise(
    "R15", "the source: no eval, no pickle but in one reader, no torch.load without weights_only"
)
def source(ground):
    """Read as a tree, not as text."""
    root = Path(selfdistill.__file__).parent
    for file in sorted(root.rglob("*.py")):
        found = [
            problem
            for node in ast.walk(ast.parse(file.read_text()))
            if (problem := _problem(node, file.name))
        ]
        yield Attempt(str(file.relative_to(root)), "; ".join(found) or None, "read")


def _problem(node, file):
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = {alias.name.split(".")[0] for alias in node.names}
        names |= (
            {node.module.split(".")[0]}
            if isinstance(node, ast.ImportFrom) and node.module
            else set()
        )
        bad = names & UNPICKLERS
        if bad and file != "cifar_python.py":
            return f"line {node.lineno} imports {', '.join(bad)}"
    if not isinstance(node, ast.Call):
        return None
    name = ast.unparse(node.func)
    keywords = {k.arg: ast.unparse(k.value) for k in node.keywords}
    if name in FORBIDDEN:
        return f"line {node.lineno} calls {name}"
    if name.endswith("torch.load") and keywords.get("weights_only") != "True":
        return f"line {node.lineno} loads without weights_only"
    if keywords.get("allow_pickle") == "True" or keywords.get("shell") == "True":
        return f"line {node.lineno} allows pickles or a shell"
    if name in (
        "yaml.load",
        "yaml.full_load",
        "yaml.unsafe_load",
        "os.system",
        "torch.export.load",
    ):
        if file == "program_file.py":  # reads only what it put together itself
            return None
        safe = "_PlainLoader" in keywords.get("Loader", "")
        return None if safe else f"line {node.lineno} calls {name}"
    return None


def _ground(ground):
    """A folder with a module that tells when it is imported, and a run that must not be touched."""
    folder = ground.folder / "strange"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in ("evil.py", "setup.py"):
        (folder / name).write_text(SOURCE + "class Method:\n    pass\nData = Method\n")
    victim = place(folder, "victim")
    return folder, copy(finished(ground.folder, METHOD), victim)


def _importing():
    """As ``python -m selfdistill`` would find modules."""
    sys.path.insert(0, "")


def _ask(folder, command):
    picture = folder / "pic.png"
    picture.write_bytes(saved(noise(0), "PNG"))
    named = {"RUN": folder / "run", "MODEL": folder / "model", "PIC": picture}
    return run([named.get(w, w) for w in command], cwd=folder, before=_importing, memory=5 << 30)


def _inert(what, folder, victim, answer):
    wrong = fault(answer)
    if (folder / EXECUTED).exists():
        wrong = "its code was executed"
    elif tree(victim) != tree(_original(victim)):
        wrong = "another run was changed"
    return Attempt(what, wrong, "refused" if answer.code else "read, inert")


def _original(victim):
    """The run that the victim is a copy of."""
    return place(victim.parents[2], f"finished-{METHOD}")
