"""Sizes of images in all their spellings, and what becomes of other proportions."""

import pytest

from selfdistill.config import Recipe, parse

WORDS = ["--data", ".", "--backbone", "small", "--method", "CrossEntropy"]


def data_of(*words):
    recipe = parse([*WORDS, *words]).recipe
    return recipe.values["data"]["init_args"], recipe


@pytest.mark.parametrize("text", ["48x72", "48X72", "48×72", "48 x 72", "48,72", "[48, 72]"])
def test_height_and_width_in_any_spelling(text):
    stored, recipe = data_of("--image-size", text)
    assert stored["image_size"] == [48, 72]
    assert recipe.build_data().size == (48, 72)
    again = Recipe.from_dict(dict(recipe.values), paths=recipe.paths)
    assert (again.hash(), again.build_data().size) == (recipe.hash(), (48, 72))


@pytest.mark.parametrize("text", ["48x48", "48,48", "[48, 48]", "48"])
def test_a_square_is_one_number(text):
    stored, recipe = data_of("--image-size", text)
    assert stored["image_size"] == 48
    assert recipe.hash() == data_of("--image-size", "48")[1].hash()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("48y72", "--image-size 48y72: give the pixels of a square's side, or HEIGHTxWIDTH"),
        ("48x", "--image-size 48x: give the pixels"),
        ("3x48x72", "--image-size 3x48x72: give the pixels"),
        ("4x72", "image size .* must be at least 8"),
        ("[1, 2, 3]", "expected a whole number or a list of 2 whole numbers"),
        ("100000x48", "image size 100000: this machine"),
    ],
)
def test_other_sizes_are_refused_in_a_line(text, message):
    with pytest.raises(ValueError, match=message):
        data_of("--image-size", text)


def test_the_choice_is_stored_and_a_recipe_without_it_cuts():
    stored, recipe = data_of("--data.fit", "pad")
    plain, before = data_of()
    assert stored == {**plain, "fit": "pad"}
    assert before.build_data().fit == "crop"
    assert before.hash() == data_of("--data.fit", "crop")[1].hash() != recipe.hash()
    with pytest.raises(ValueError, match="squash: expected one of crop, pad, stretch"):
        data_of("--data.fit", "squash")


@pytest.mark.parametrize("option", ["--data.fit=pad", "--image-size=48"])
def test_sets_of_one_shape_refuse_what_means_nothing(option):
    with pytest.raises(ValueError, match="is not an option of the chosen data set"):
        parse(["--config", "digits", option])
    with pytest.raises(ValueError, match="expected a whole number"):
        parse(["--config", "tiny_imagenet/small", "--image-size", "32x48"])


@pytest.mark.parametrize(
    ("network", "mean"), [("tf_efficientnet_lite0", (0.5, 0.5, 0.5)), ("resnet18", None)]
)
def test_borders_have_the_mean_that_the_weights_expect(network, mean):
    words = ["--data", ".", "--backbone", network, "--backbone.pretrained", "--data.fit", "pad"]
    recipe = parse(words).recipe
    assert recipe.build_data().border == (mean or (0.485, 0.456, 0.406))
    assert recipe.build().data == recipe.build_data()
