"""The example notebook, executed by a real kernel."""

import json
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parent.parent / "examples" / "first_look.ipynb"


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """A kernel of this very Python, whatever others are installed."""
    words = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    folder = tmp_path / "kernel"
    folder.mkdir()
    spec = {"argv": words, "display_name": "Python", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    KernelSpecManager().install_kernel_spec(str(folder), "selfdistill", user=True)
    return "selfdistill"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_training_shows_a_bar_and_a_comparison_a_table(kernel, tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(
        notebook, kernel_name=kernel, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    outputs = {cell["id"]: cell.get("outputs", []) for cell in notebook.cells}
    shown = "".join(str(output) for output in outputs["itself"])
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert "epoch 5/5" in shown
    (table,) = (o["data"] for o in outputs["compare"] if o["output_type"] == "execute_result")
    assert "<table>" in table["text/html"]
    assert "SKDSAM" in table["text/html"]
    (guess,) = (o["data"] for o in outputs["predict"] if o["output_type"] == "execute_result")
    assert "ClassProbability(name=" in guess["text/plain"]
