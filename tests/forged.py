"""Finished runs whose recipe somebody changed, with the summary that goes with it."""

import json

import yaml


def forge_recipe(run, recipe):
    """Let a finished run claim another recipe."""
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    summary = json.loads((run / "summary.json").read_text())
    summary["recipe"] = {k: v for k, v in recipe.items() if k not in ("format", "split")}
    summary.pop("sha256", None)
    (run / "summary.json").write_text(json.dumps(summary))
