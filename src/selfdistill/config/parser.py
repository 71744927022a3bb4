"""From command-line words to a recipe and a place."""

import hashlib
import inspect
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import yaml
from jsonargparse import ArgumentParser

from .. import recipes
from ..backbones import Backbone
from ..runs import RunDirectory, read_yaml
from . import provenance
from .class_paths import decoded, open_classes, refuse_own_code
from .errors import explain
from .own_images import Options, choose_recipe, fit_size, own_name
from .plain_values import refuse_imports
from .possible import check_values
from .precedence import accepted, choose_classes, merge, settle
from .registry import CLASSES, RISE_BY_THEMSELVES, class_defaults
from .schema import Place, Recipe
from .shapes import check_shape
from .verbatim import put_back, set_aside
from .words import read_options

FORMAT = 1
ADDED = {"decay_biases": True}
"""Fields that recipes gained; at what recipes without them meant, they change no run's hash."""
HELP = re.compile(r"-h|--([\w.-]+\.)?help")
OPTION = re.compile(r"(?:unknown option )?--([\w.-]+\w)|(\w+)=")
"""How a message begins that is about an option."""
PASSED = "passed in Python"
"""What a recipe says of images and networks that had no name."""
ENDS = {"CosineAnnealingLR": "T_max", "PolynomialLR": "total_iters", "LinearLR": "total_iters"}
"""Schedules that come to an end, and their option that says after how many epochs."""
NOWHERE: Mapping[str, str] = {}
Plain = dict[str, object]


class Settings(NamedTuple):
    """A run's settings, as objects to work with and as plain values to write down."""

    recipe: Recipe
    place: Place
    resolved: Plain
    """The recipe as plain values, without what says where data lie."""
    whereabouts: dict[str, str]
    """Options that say where images and trained weights lie, which no number depends on."""
    name: str
    """What the recipe is called: the configuration's name."""
    note: str
    """Which recipe was chosen, where none was asked for; empty otherwise."""
    backbone: Backbone | None = None
    """A network that was passed in Python, and is trained in place of the recipe's."""


HELP_WORDS = {
    r"\(required,\s+type:": "(type:",
    r"--backbone CONFIG     Path to a configuration file\.": "--backbone NAME       A network.",
    r"\x08": "",
}
"""Patterns of help that are worded otherwise: nothing is required where a recipe has it."""


class _Parser(ArgumentParser):
    def error(self, message: str, ex: Exception | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        del ex
        raise ValueError(message)

    def format_help(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        text = super().format_help()
        for pattern, words in HELP_WORDS.items():
            text = re.sub(pattern, words, text)
        return text


def build_parser() -> ArgumentParser:
    """The parser of ``train``, made from the signatures of recipe and place."""
    parser = _Parser(
        prog="selfdistill train",
        usage="selfdistill train [--config RECIPE] --data FOLDER [--backbone NAME] "
        "[--method METHOD] [OPTION …]",
        description="Train a network. With --data FOLDER alone, recipe scratch sets all the rest; "
        "with --backbone.pretrained as well, recipe finetune. --data FOLDER is a folder of class "
        "folders, --data TABLE.csv a table of images and labels, --data hf:OWNER/NAME a Hugging "
        "Face set; --image-size and "
        "--cache-dir are short for --data.image-size and --data.cache-dir, --backbone NAME for "
        "--backbone.name NAME.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config", action="config", help="A recipe: a YAML file, or the name of a shipped one."
    )
    parser.add_class_arguments(Recipe)
    parser.add_class_arguments(Place)
    return parser


def parse(argv: list[str], whereabouts: Mapping[str, str] = NOWHERE) -> Settings:
    """Read settings: what the words say counts more than what recipes say, in whatever order.

    Args:
        argv: Options of ``train``; of recipes, and of an option that is repeated, the last counts.
        whereabouts: Options that say where a recipe's images and weights lie, unless words do.

    Raises:
        ValueError: If something is misspelt, missing or impossible, in one line.
        SystemExit: If help was asked for, and given.
    """
    parser = build_parser()
    if asked := [word for word in argv if HELP.fullmatch(word.partition("=")[0])]:
        parser.parse_args(asked + argv[argv.index(asked[0]) + 1 :][:1])
    words, note = choose_recipe(read_options(argv))
    opened = _open_recipes(words)
    try:
        return _settings(parser, opened, words, note, whereabouts)
    except ValueError as error:
        message = str(error).replace("--config.", "--")
        raise ValueError(_with_file(message, opened, words)) from error


def _with_file(message: str, opened: "_Opened", words: Options) -> str:
    """A message about an option; first comes the file that gives the option where no word does."""
    found = OPTION.match(message)
    option = (found[1] or found[2]).replace("-", "_") if found else ""
    words = [(word, value) for word, value in words if word != "config"]
    if option and any(f"{option}.".startswith(f"{word}.") for word, _ in words):
        return message
    if not option and any(value and value in message for _, value in words):
        return message
    group = option.partition(".")[0]
    files = [file for file, fields in opened.files.items() if not group or group in fields]
    return f"{files[-1]}: {message}" if files else message


def _settings(
    parser: ArgumentParser,
    opened: "_Opened",
    words: Options,
    note: str,
    whereabouts: Mapping[str, str],
) -> Settings:
    choices, words = settle(words)
    told = {option for option, _ in words}
    recipe = _fit_warmup(choose_classes(opened.recipe, choices), dict(words))
    places = accepted({**opened.places, **whereabouts}, recipe)
    options = [("config", json.dumps(recipe)), *places.items(), *words]
    open_classes(options)
    refuse_imports(set_aside(options)[0])
    options = _end_schedule(fit_size(options))
    options, texts = set_aside(options)
    try:
        values = parser.parse_args([f"--{option}={value}" for option, value in options])
        plain = put_back(yaml.safe_load(parser.dump(values, skip_unset=False)), texts)
        check_values(plain)
        objects = parser.instantiate(put_back(values, texts))
    except ValueError as error:
        raise ValueError(explain(str(put_back(error.args[0], texts)), parser)) from error
    fields = {field: objects[field] for field in Recipe.__dataclass_fields__}
    place = {field: objects[field] for field in Place.__dataclass_fields__}
    resolved, lie = _resolve(plain, fields)
    _check_weights(resolved, lie, {k: v for k, v in opened.weights.items() if k not in told})
    own = own_name(type(fields["data"]).__name__, lie)
    name = opened.name if own is None else f"{opened.name}/{own}"
    return Settings(Recipe(**fields), Place(**place), resolved, lie, name, note)


def as_today(stored: Plain, *, own_code: Mapping[str, str] | None, where: Path) -> Plain:
    """A stored recipe, with what later versions added to recipes at its default.

    Args:
        stored: The recipe.
        own_code: Hashes of files of one's own that may be run for it, as its run recorded them;
            None for any file.
        where: Where it is stored.

    Raises:
        ValueError: If it is not a recipe, or names code that may not be run.
    """
    recipe, passed = without_passed(stored)
    check_shape(recipe, where)
    words = [f"--config={json.dumps({'data': 'Digits', **recipe})}"]
    if own_code is not None:
        refuse_own_code([("config", json.dumps(recipe))], own_code, where)
    try:
        resolved = parse(words, _anywhere(recipe)).resolved | passed
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    return resolved | ({"split": stored["split"]} if "split" in stored else {})


def check_own_code(run: RunDirectory, words: list[str]) -> None:
    """Refuse to run files that a run's recipe names, unless they are its own or words allow it.

    Raises:
        ValueError: If one is refused.
    """
    if not _allows_own_code(read_options(words)):
        stored = [("config", json.dumps(run.read_recipe() or {}))]
        refuse_own_code(stored, run.own_code(), run.recipe_file)


def _allows_own_code(options: Options) -> bool:
    return decoded(dict(options).get("allow_own_code", "false")) is True


def without_passed(stored: Plain) -> tuple[Plain, Plain]:
    """Take a stored recipe apart: what options can say, and what only Python can."""
    passed: Plain = {
        name: stored[name]
        for name, key in (("data", "class_path"), ("backbone", "name"))
        if _section(stored, name).get(key) == PASSED
    }
    recipe = {k: v for k, v in stored.items() if k not in (*passed, "format", "split")}
    return recipe, passed


def _anywhere(recipe: Plain) -> dict[str, str]:
    """Some place for images of whom a recipe does not say where they lie."""
    source = CLASSES["data"].get(str(_section(recipe, "data").get("class_path")))
    needed = class_defaults(source) if source is not None else {}
    places = getattr(source, "path_arguments", ())
    return {f"data.{name}": "." for name in places if needed.get(name) is inspect.Parameter.empty}


def fingerprint(resolved: Plain, *, with_seed: bool = True) -> str:
    """A short hash of a resolved recipe; the split's own hash is left out."""
    values = {k: v for k, v in resolved.items() if k != "split" and (with_seed or k != "seed")}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


def method_name(resolved: Plain) -> str:
    """The method's plain name."""
    return str(_section(resolved, "method")["class_path"]).rpartition(".")[2]


def _resolve(plain: Plain, fields: dict[str, object]) -> tuple[Plain, dict[str, str]]:
    """Split plain values into what decides numbers and where things lie; drop what is derived."""
    kept = [field for field in fields if field not in ADDED or plain[field] != ADDED[field]]
    resolved: Plain = {"format": FORMAT, **{field: plain[field] for field in kept}}
    arguments = _arguments(_section(resolved, "data"))
    whereabouts: dict[str, str] = {}
    for name in getattr(fields["data"], "path_arguments", ()):
        value = arguments.pop(name, None)
        if value is not None:
            whereabouts[f"data.{name}"] = str(value)
    for option, holder in _weight_holders(resolved).items():
        name = option.rpartition(".")[2]
        path = holder.get(name)
        if isinstance(path, str) and not path.startswith(provenance.PREFIX):
            whereabouts[option] = path
            holder[name] = provenance.weights_hash(Path(path))
    for section in ("method", "data", "mixing"):
        choice = _section(resolved, section)
        if choice:
            choice["class_path"] = _short(section, str(choice["class_path"]))
    for step in resolved["augment"] or []:  # pyright: ignore
        step["class_path"] = str(step["class_path"]).rpartition(".")[2]
    schedule = _section(resolved, "schedule")
    arguments = _arguments(schedule)
    if arguments.pop("last_epoch", -1) != -1:
        raise ValueError("--schedule.last-epoch: a run knows where it stands; leave it out")
    end = ENDS.get(_class(schedule))
    if end is not None and arguments.get(end) == _training_epochs(resolved):
        arguments.pop(end)
    return resolved, whereabouts


def _weight_holders(resolved: Plain) -> dict[str, Plain]:
    """The parts of a recipe that name trained weights, by option."""
    return {
        "init": resolved,
        "method.teacher": _arguments(_section(resolved, "method")),
        "backbone.pretrained": _section(resolved, "backbone"),
    }


def _weights(resolved: Plain) -> dict[str, str]:
    """Hashes of the trained weights that a recipe names, by option."""
    holders = _weight_holders(resolved)
    named = {option: str(held.get(option.rpartition(".")[2])) for option, held in holders.items()}
    return {k: value for k, value in named.items() if value.startswith(provenance.PREFIX)}


def _check_weights(resolved: Plain, whereabouts: dict[str, str], expected: dict[str, str]) -> None:
    found = _weights(resolved)
    for option, value in expected.items():
        if option in whereabouts and found.get(option) != value:
            raise ValueError(
                f"{whereabouts[option]} no longer holds the weights of the recipe ({option}: "
                f"{value} there, {found.get(option)} now): bring them back, or name others with "
                f"--{option}"
            )


def _short(group: str, class_path: str) -> str:
    name = class_path.rpartition(".")[2]
    return name if class_path.startswith("selfdistill.") and name in CLASSES[group] else class_path


def _section(values: Plain, name: str) -> Plain:
    section = values.get(name)
    return section if isinstance(section, dict) else {}


def _arguments(choice: Plain) -> Plain:
    arguments = choice.get("init_args")
    return arguments if isinstance(arguments, dict) else {}


class _Opened(NamedTuple):
    """The recipes that options name, later ones over earlier ones."""

    recipe: Plain
    places: dict[str, str]
    """Where a run's own recipe says its data lie."""
    name: str
    weights: dict[str, str]
    """Hashes of the trained weights that it names, by option."""
    files: dict[Path, Plain]
    """What each file says."""


def _open_recipes(options: Options) -> _Opened:
    result: Plain = {}
    places: dict[str, str] = {}
    weights: dict[str, str] = {}
    files: dict[Path, Plain] = {}
    name = "custom"
    allowed = _allows_own_code(options)
    for value in (value for option, value in options if option == "config"):
        if value.startswith("{"):
            result = merge(result, _read_json(value))
            continue
        file = recipes.find(value)
        name = value.lower() if value.lower() in recipes.names() else file.stem
        recipe = _read_recipe(file)
        if not allowed:
            stored = [("config", json.dumps(recipe))]
            refuse_own_code(stored, RunDirectory(file.parent).own_code(), file)
        if value.lower() not in recipes.names():
            files[file] = recipe
        result = merge(result, recipe)
        weights |= _weights(recipe)
        places |= RunDirectory(file.parent).read_whereabouts()
    return _Opened(result, places, name, weights, files)


def _read_json(text: str) -> Plain:
    try:
        recipe = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"--config {text:.40}: it is not valid JSON ({error})") from None
    check_shape(recipe, "--config")
    return recipe


def _read_recipe(file: Path) -> Plain:
    """What decides numbers, of a file that says nothing else.

    Raises:
        ValueError: If it is not a recipe, or says where a run is computed.
    """
    recipe = {k: v for k, v in read_yaml(file).values.items() if k not in ("format", "split")}
    misplaced = [field for field in recipe if field.replace("-", "_") in Place.__dataclass_fields__]
    if misplaced:
        raise ValueError(
            f"{file}: {misplaced[0]} does not belong into a recipe, which says what is computed "
            f"and not where: leave it out, and give --{misplaced[0].replace('_', '-')} yourself"
        )
    check_shape(recipe, file)
    return recipe


def _fit_warmup(recipe: Plain, words: Mapping[str, str]) -> Plain:
    """Shorten a recipe's warm-up to fit the epochs and the schedule that were asked for."""
    epochs, warmup = words.get("epochs", ""), recipe.get("warmup_epochs")
    if not isinstance(warmup, int) or "warmup_epochs" in words:
        return recipe
    if _class(recipe.get("schedule")) in RISE_BY_THEMSELVES:
        warmup = 0
    if epochs.isdigit():
        warmup = min(warmup, max(0, int(epochs) - 1))
    return {**recipe, "warmup_epochs": warmup}


def _end_schedule(options: Options) -> Options:
    """Let a schedule that comes to an end do so with training unless it is told otherwise."""
    given: Plain = {}
    for option, value in options:
        given |= json.loads(value) if option == "config" else {option: value}
    schedule = given.get("schedule")
    end = ENDS.get(_class(schedule))
    told = isinstance(schedule, dict) and end in _arguments(schedule)
    epochs = _training_epochs(given) if "epochs" in given else None
    if end is None or told or f"schedule.{end}" in given or epochs is None:
        return options
    return [*options, (f"schedule.{end}", str(epochs))]


def _class(choice: object) -> str:
    """The plain name of a chosen class."""
    name = choice.get("class_path") if isinstance(choice, dict) else choice
    return str(name).rpartition(".")[2]


def _training_epochs(values: Plain) -> int | None:
    """Epochs after the warm-up; None where the parser will refuse the numbers."""
    epochs, warmup = str(values["epochs"]), str(values.get("warmup_epochs", 0))
    return int(epochs) - int(warmup) if epochs.isdigit() and warmup.isdigit() else None
