"""What only a CUDA device can show: the ways of a step agree there, and runs resume bit for bit.

``python -m benchmarks.gpu first`` runs these without the hook that checks types at run time, for
code that it rewrites does not compile whole.
"""

import os
import signal

import pytest
import torch
from safetensors.torch import load_file

from selfdistill.config import parse
from selfdistill.data import Batches, Flip, ImageSet, PadCrop, Pipeline, Preprocessing
from selfdistill.evaluation import place
from selfdistill.failures import Stopped
from selfdistill.testing import TinyBackbone
from selfdistill.testing.trial import BUILDS
from selfdistill.training import compiling, engine, recording, train
from selfdistill.training.state import TrainState
from small_run import WORDS

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
STEPS = 8


def training(make, way, *, compile_it=False, precision="fp32", words=()):
    device = torch.device("cuda", 0)
    draws = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (STEPS * 16, 3, 16, 16), dtype=torch.uint8, generator=draws)
    classes = tuple(map(str, range(10)))
    images = ImageSet(pixels, torch.arange(len(pixels)) % 10, classes).to(device)
    torch.manual_seed(0)
    method = place(make(TinyBackbone(num_classes=10)).train(), device)
    preprocessing = Preprocessing((16, 16), (0.5,) * 3, (0.25,) * 3)
    batches = Batches(
        images,
        pipeline=Pipeline([PadCrop(), Flip()], preprocessing),
        partner=method.partner,
        batch_size=16,
        seed=0,
        device=device,
    )
    fabric = engine.build(device, precision, deterministic=False)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    module = None
    if compile_it:
        module = compiling.compiled(fabric, method, batches.epoch(0).batch(0))
        assert module is not None
    ingredients = parse([*WORDS, "--epochs", "3", *words]).ingredients
    sizes = {"steps": batches.steps, "images": len(images)}
    state = TrainState(fabric, method, ingredients, **sizes, way=way, module=module)
    for number in range(2):
        epoch = batches.epoch(number)
        while state.step < state.steps:
            state.train_step(epoch)
        if number == 0:
            state.end_epoch()
    return state


def sums(state):
    return {name: float(value) for name, value in state.metrics.sums.items()}


def weights(state):
    return dict(state.method.state_dict())


@pytest.mark.parametrize("method", BUILDS)
def test_replayed_steps_give_the_numbers_of_eager_ones(method):
    eager, graph = (training(BUILDS[method], way) for way in (False, "graph"))
    assert graph.way == "graph"
    assert 2 * STEPS > recording.WARM_UPS
    assert sums(graph) == pytest.approx(sums(eager), rel=1e-2, abs=2)


@pytest.mark.parametrize("method", ["CrossEntropy", "SKDSAM"])
def test_compiled_steps_give_the_numbers_of_eager_ones(method):
    eager = training(BUILDS[method], False)
    for way in (True, "graph"):
        state = training(BUILDS[method], way, compile_it=True)
        assert state.way == way
        assert sums(state) == pytest.approx(sums(eager), rel=2e-2, abs=2)


@pytest.mark.parametrize("words", [["--optimizer", "AdamW", "--optimizer.lr", "1e-3"], []])
def test_optimizers_are_recorded_with_an_average(words):
    words = [*words, "--ema-decay", "0.9", "--accumulation", "2"]
    eager, graph = (training(BUILDS["CrossEntropy"], way, words=words) for way in (False, "graph"))
    assert graph.way == "graph"
    for name, value in eager.average.state_dict().items():
        torch.testing.assert_close(graph.average.state_dict()[name], value, rtol=1e-2, atol=1e-3)


def test_bf16_is_close_to_fp32():
    single, half = (training(BUILDS["SKDSAM"], False, precision=p) for p in ("fp32", "bf16"))
    assert sums(half)["labels"] == pytest.approx(sums(single)["labels"], rel=0.05)


def test_state_lies_on_the_device():
    state = training(BUILDS["CrossEntropy"], "graph")
    buffers = [v for each in state.optimizer.state.values() for v in each.values()]
    assert buffers
    assert all(buffer.is_cuda for buffer in buffers)


def test_a_deterministic_run_resumes_bit_for_bit(tmp_path, monkeypatch):
    # before CUDA's libraries start, or deterministic products are refused
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    words = [*WORDS, "--accelerator", "cuda", "--deterministic", "--method", "CrossEntropy"]
    whole = train(parse([*words, "--out", str(tmp_path / "whole")]))
    stopped = [*words, "--out", str(tmp_path / "stopped")]

    def stop(self, epoch, step=TrainState.train_step):
        step(self, epoch)
        if self.steps_done == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patched:
        patched.setattr(TrainState, "train_step", stop)
        with pytest.raises(Stopped):
            train(parse(stopped))
    resumed = train(parse(stopped))
    one, other = (load_file(path / "model/model.safetensors") for path in (whole, resumed))
    torch.testing.assert_close(one, other, rtol=0, atol=0)
