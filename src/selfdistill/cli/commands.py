"""The commands: where each is written, and what it is for."""

COMMANDS = {
    "quickstart": ("grids", "compare cross-entropy and SKDSAM on the embedded digits"),
    "train": ("runs", "train a network; the same command again goes on where it stopped"),
    "evaluate": ("runs", "scores of a run's every exit"),
    "predict": ("runs", "classes of pictures, by a run or a model folder"),
    "compare": ("tables", "a table of runs: accuracy over seeds, gain over cross-entropy, cost"),
    "study": ("grids", "train what a grid of runs still misses, and compare"),
    "report": ("tables", "a page of tables and figures about a study or about runs"),
    "methods": ("catalogue", "the methods; with a name, its equation, options and defaults"),
    "backbones": ("catalogue", "the networks whose names match a pattern"),
    "augment": ("catalogue", "a picture of what a recipe shows the network"),
    "recipes": ("catalogue", "the shipped recipes; with a name, its content"),
}
