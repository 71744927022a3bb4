"""What is said of augmentations and mixings, whose options are written within a list."""

import sys

import pytest

from selfdistill.config import parse

OWN = '''
from dataclasses import dataclass
from selfdistill.data import Augmentation

@dataclass(frozen=True, kw_only=True)
class GridMask(Augmentation):
    """Blank the squares of a grid.

    More of it.

    Args:
        period: Least and largest distance of squares,
            in pixels.
        bits: How many.
    """

    draws_per_image = 1
    period: tuple[float, float] = (2.0, 4.0)
    bits: tuple[int, ...] = (1,)
    def apply(self, images, draws): return images

class Older(Augmentation):
    columns = 1
    def apply(self, images, draws): return images

@dataclass(frozen=True, kw_only=True)
class Table(GridMask):
    columns: int = 1
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_steps.py").write_text(OWN)
    yield
    sys.modules.pop("own_steps", None)


def said_of(name, options):
    step = f"{{class_path: {name}, init_args: {{{options}}}}}"
    with pytest.raises(ValueError, match=r"\S") as refusal:
        parse(["--config=digits", f"--augment=[{step}]"])
    return str(refusal.value)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("own_steps.GridMask", "period: [0.5]", ".period [0.5]: expected a list of 2 numbers"),
        ("own_steps.GridMask", "bits: [a]", ".bits ['a']: expected a list of whole numbers"),
        ("own_steps.GridMask", "bits: null", ".bits null: give a value, or leave the option out"),
        ("Cutout", "length: much", ".length much: expected a whole number"),
        ("Flip", "probability: 2", ": probability 2.0 must be within 0 to 1"),
        ("PadCrop", "padding: 4, fill: 300", ": fill 300 must be within 0 to 255"),
        ("ColourJitter", "hue: 0.7", ": hue 0.7 must be within 0 to 0.5"),
        ("ColourJitter", "contrast: -1", ": contrast -1.0 must be at least 0"),
        ("RandAugment", "operations: 0", ": operations 0 must be at least 1"),
        (
            "RandomErasing",
            "area: [0.5, 2]",
            ": area (0.5, 2.0) must rise from above 0 to at most 1",
        ),
        ("RandomErasing", "aspect: [0, 0.1]", ": aspect (0.0, 0.1) must rise from above 0"),
    ],
)
def test_a_message_names_the_augmentation(folder, name, options, message):
    assert said_of(name, options) == name.removeprefix("own_steps.") + message


def test_an_unknown_option_names_the_augmentation(folder):
    message = "unknown option GridMask.perod: did you mean period?"
    assert said_of("own_steps.GridMask", "perod: 1") == message


def test_a_message_names_the_mixing():
    with pytest.raises(ValueError, match=r"^CutMix: probability 3.0 must be within 0 to 1$"):
        parse(["--config=digits", "--mixing=CutMix", "--mixing.probability=3"])


def test_the_former_name_of_the_number_of_draws_is_refused(folder):
    assert "columns is called draws_per_image now: rename it there" in said_of(
        "own_steps.Older", ""
    )
    parse(["--config=digits", "--augment=[{class_path: own_steps.Table, init_args: {columns: 2}}]"])


def test_help_of_an_augmentation(folder, capsys):
    with pytest.raises(SystemExit):
        parse(["--augment.help", "own_steps.GridMask"])
    assert (
        capsys.readouterr().out
        == """\
GridMask: Blank the squares of a grid.

  period: [2.0, 4.0]
      Least and largest distance of squares, in pixels.
  bits: [1]
      How many.

Options are written within its braces: \
--augment+ '{class_path: own_steps.GridMask, init_args: {period: [2.0, 4.0]}}'
"""
    )
    with pytest.raises(SystemExit):
        parse(["--augment.help", "trivialaugment"])
    assert capsys.readouterr().out.endswith("\n\nIt has no options: --augment+ TrivialAugment\n")
