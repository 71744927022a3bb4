"""What a release consists of: versions that agree, workflows, images, and no telemetry."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from selfdistill.version import __version__
from small_run import WORDS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WATCHED = """
import sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind", "socket.sendto"):
        if event == "socket.getaddrinfo" or isinstance(arguments[1], tuple):  # else a local pipe
            print("CONNECTION", event, arguments[1:], file=sys.stderr)

sys.addaudithook(watch)
"""


def watched(code: str, folder: Path) -> str:
    """Run Python code; what it says of connections."""
    done = subprocess.run(
        [sys.executable, "-c", WATCHED + code],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return "".join(line for line in done.stderr.splitlines() if line.startswith("CONNECTION"))


def test_importing_training_and_predicting_open_no_connection(tmp_path):
    code = f"""
import selfdistill as sd
from selfdistill import cli
from PIL import Image
Image.new("RGB", (32, 32)).save("grey.png")
assert cli.main(["train", *{WORDS!r}, "--out", "run"]) == 0
assert cli.main(["predict", "run", "grey.png"]) == 0
sd.load("run").predict("grey.png")
"""
    assert watched(code, tmp_path) == ""


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.socket().connect_ex(('127.0.0.1', 9))",
        "import urllib.request as u\ntry: u.urlopen('http://127.0.0.1:9')\nexcept OSError: pass",
    ],
)
def test_control_a_connection_is_noticed(code, tmp_path):
    assert watched(code, tmp_path).startswith("CONNECTION socket.")


def test_versions_agree():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert PROJECT["version"] == __version__ == citation["version"]
    assert citation.keys() >= {"cff-version", "message", "title", "authors"}
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_workflow_runs_what_ci_runs():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    job = workflow["jobs"]["test"]
    steps = [step["run"] for step in job["steps"] if "run" in step]
    assert steps == re.findall(r"^make \w+$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    (lowest,) = re.findall(r">=(3\.\d+)", PROJECT["requires-python"])
    assert job["strategy"]["matrix"]["python"] == [lowest, "3.12", "3.13"]


def test_only_the_job_that_publishes_may_identify_itself():
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert workflow["jobs"]["publish"]["needs"] == "build"
    assert "permissions" not in workflow["jobs"]["build"]
    makefile = (ROOT / "Makefile").read_text()
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            if step.get("run", "").startswith("make"):
                assert f"\n{step['run'].split()[1]}:" in makefile


@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_images_have_what_they_copy_and_another_user_than_root(name):
    lines = (ROOT / f"docker/{name}.Dockerfile").read_text().replace("\\\n", " ").splitlines()
    words = [line.split() for line in lines if line and not line.startswith("#")]
    used = [line[1] for line in words if line[0] == "USER"]
    assert used == ["selfdistill"]
    assert [line[0] for line in words].index("USER") < len(words) - 1
    ignored = (ROOT / ".dockerignore").read_text()
    for line in words:
        for source in line[1:-1] if line[0] == "COPY" else ():
            assert (ROOT / source).exists()
            assert f"!{source.split('/')[0]}\n" in ignored
