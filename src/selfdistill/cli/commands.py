"""The commands: where each is written, and what it is for."""

COMMANDS = {
    "quickstart": ("grids", "compare cross-entropy and SKDSAM on the embedded digits"),
    "train": ("runs", "train a network; the same command again goes on where it stopped"),
    "evaluate": ("runs", "scores of a run's every exit"),
    "predict": ("runs", "classes of pictures, by a run or a model folder"),
    "attention": (
        "attention",
        "what each block of a run makes of pictures, and where it looks",
    ),
    "compare": ("tables", "a table of runs: accuracy over seeds, gain over cross-entropy, cost"),
    "study": ("grids", "train what a grid of runs still misses, and compare"),
    "report": ("tables", "a page of tables and figures about a study or about runs"),
    "methods": ("catalogue", "the methods; with a name, its equation, options and defaults"),
    "backbones": ("catalogue", "the networks whose names match a pattern"),
    "augment": ("catalogue", "a picture of what a recipe shows the network"),
    "data": ("data", "check pictures before training; fetch an official data set"),
    "recipes": ("catalogue", "the shipped recipes; with a name, its content"),
}
