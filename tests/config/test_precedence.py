"""What is typed counts more than what a recipe says, in whatever order."""

import itertools
import json

import pytest

from selfdistill.config import parse

LINES = {
    "a class before its recipe": ["--method=CrossEntropy", "--epochs=3", "--config=digits"],
    "another optimizer": ["--config=digits", "--optimizer=AdamW", "--optimizer.lr=0.1"],
    "a rate of the recipe's optimizer": ["--config=digits", "--optimizer=SGD", "--lr=0.1"],
    "another schedule": ["--config=digits", "--schedule=StepLR", "--schedule.step_size=3"],
    "options of a method": ["--config=digits", "--method=BYOT", "--method.label-share=0.3"],
    "images of another set": ["--config=digits", "--data=photos", "--image-size=48"],
    "a table and its folder": ["--config=digits", "--data=photos.csv", "--data.root=photos"],
    "pictures without a recipe": ["--data=photos", "--method=BYOT", "--lr=0.1", "--epochs=2"],
    "class paths": [
        "--config=digits",
        "--optimizer.init_args.lr=0.1",
        "--optimizer.class_path=torch.optim.AdamW",
    ],
}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos.csv").touch()
    monkeypatch.chdir(tmp_path)


def resolved(words):
    settings = parse(list(words))
    return settings.recipe.values, settings.recipe.paths, settings.recipe.name, settings.recipe.note


@pytest.mark.parametrize("line", LINES)
def test_the_order_of_words_decides_nothing(line):
    first, *others = (resolved(words) for words in itertools.permutations(LINES[line]))
    assert all(other == first for other in others)


def test_words_count_more_than_a_recipe():
    recipe = parse(
        ["--method", "CrossEntropy", "--epochs", "3", "--config", "digits"]
    ).recipe.values
    assert (recipe["method"]["class_path"], recipe["epochs"]) == ("CrossEntropy", 3)
    for words in (["--data.root=photos", "--data=photos.csv"], ["--data=.", "--data.root=photos"]):
        assert parse(words).recipe.paths["data.root"] == "photos"


def test_of_two_recipes_and_of_an_option_given_twice_the_later_counts():
    two = parse(["--config", "cifar100/thesis", "--config", "digits"]).recipe.values
    assert two["schedule"]["class_path"].endswith("CosineAnnealingLR")
    assert (two["data"]["class_path"], two["epochs"]) == ("Digits", 40)
    assert two["optimizer"]["init_args"]["nesterov"]
    twice = ["--epochs", "3", "--config", "digits", "--epochs", "5", "--optimizer", "SGD"]
    twice = parse([*twice, "--optimizer", "AdamW"]).recipe.values
    assert twice["epochs"] == 5
    assert twice["optimizer"]["class_path"] == "torch.optim.AdamW"


def test_an_option_of_another_class_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^--data\.root is not an option of the chosen data set$"):
        parse(["--config=digits", "--data.root=photos"])


@pytest.mark.parametrize("swapped", [False, True])
def test_another_class_starts_from_its_own_defaults(swapped):
    words = ["--config=digits", "--optimizer=AdamW"]
    found = parse(words[::-1] if swapped else words).recipe.values["optimizer"]["init_args"]
    assert (found["lr"], found["weight_decay"]) == (1e-3, 1e-2)
    stored = json.dumps({"method": {"class_path": "SKDSAM", "init_args": {"label_share": 0.4}}})
    words = ["--config=digits", f"--config={stored}", "--method=BYOT"]
    assert parse(words).recipe.values["method"]["init_args"]["label_share"] == 0.7
    same = parse([*words[:2], "--method=skdsam", "--lr=0.2"]).recipe.values
    assert same["method"]["init_args"]["label_share"] == 0.4
    assert same["optimizer"]["init_args"]["momentum"] == 0.9


def test_another_data_set_keeps_what_means_the_same():
    stored = {"class_path": "LabelTable", "init_args": {"table": "gone.csv", "image_size": 40}}
    words = ["--config=digits", f"--config={json.dumps({'data': stored})}", "--data=photos"]
    found = parse(words)
    assert found.recipe.values["data"]["init_args"]["image_size"] == 40
    assert found.recipe.paths == {"data.root": "photos"}


def test_a_choice_with_its_options_is_one_value():
    choice = '{"class_path": "AdamW", "init_args": {"lr": 0.3, "eps": 1e-6}}'
    for words in (["--lr=0.2", f"--optimizer={choice}"], [f"--optimizer={choice}", "--lr=0.2"]):
        found = parse(["--config=digits", *words]).recipe.values["optimizer"]["init_args"]
        assert (found["lr"], found["eps"]) == (0.2, 1e-6)


def test_a_run_named_by_its_recipe_lies_where_it_lay_unless_words_say_otherwise(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.yaml").write_text(json.dumps(parse(["--data=photos"]).recipe.values))
    (run / "place.yaml").write_text(json.dumps({"whereabouts": {"data.root": "elsewhere"}}))
    recipe = f"--config={run / 'recipe.yaml'}"
    assert parse([recipe]).recipe.paths == {"data.root": "elsewhere"}
    for words in ([recipe, "--data.root=here"], ["--data.root=here", recipe]):
        assert parse(words).recipe.paths == {"data.root": "here"}
    (tmp_path / "moved").mkdir()
    assert parse(["--data=moved", recipe]).recipe.paths == {"data.root": "moved"}


def test_hashes_of_recipes_stay_what_they_were():
    """The names of run directories made so far."""
    assert parse(["--config=digits"]).recipe.hash() == "945a97a4442d"
    words = ["--config=digits", "--method=BYOT", "--epochs=3", "--seed=1"]
    assert parse(words).recipe.hash() == "279160bd537d"


@pytest.mark.parametrize(("epochs", "warmup"), [("1", 0), ("2", 1), ("3", 2), ("10", 2)])
def test_a_recipe_s_warm_up_fits_the_epochs_asked_for(epochs, warmup):
    assert parse(["--config=digits", "--epochs", epochs]).ingredients.warmup_epochs == warmup
    with pytest.raises(ValueError, match="warmup_epochs=2 must lie below epochs=2"):
        parse(["--config=digits", "--epochs=2", "--warmup-epochs=2"])


def test_the_shortest_name_of_the_rate():
    assert (
        parse(["--config=digits", "--lr", "0.3"]).recipe.values["optimizer"]["init_args"]["lr"]
        == 0.3
    )


@pytest.mark.parametrize(
    ("word", "hint"),
    [("photos", "--data photos"), ("digits", "--config digits"), ("hf:a/b", "--data hf:a/b")],
)
def test_a_word_without_an_option_is_asked_about(word, hint):
    with pytest.raises(ValueError, match=rf"unexpected word '{word}': did you mean {hint}\?"):
        parse([word])
