"""What is remembered of each training image: resumed, shared by processes, not deployed."""

import os
import signal
import socket
from itertools import pairwise

import pytest
import torch
from safetensors.torch import load_file

from selfdistill.config import parse
from selfdistill.data import Batches, Pipeline
from selfdistill.failures import Stopped
from selfdistill.methods import DLB, PSKD
from selfdistill.testing import TinyBackbone
from selfdistill.training import engine, train
from selfdistill.training.state import TrainState
from small_run import WORDS

REMEMBERING = ["--method", "PSKD", "--data.validation-per-class", "3"]
STEPS = 5


def build(words=(), method=PSKD):
    """A new state, and its batches, on a network whose images do not see each other."""
    recipe = parse([*WORDS, "--method", "PSKD", *words]).ingredients
    splits = recipe.data.splits()
    fabric = engine.build(torch.device("cpu"), "fp32")
    fabric.launch()
    torch.manual_seed(0)
    backbone = TinyBackbone(num_classes=10)
    for block in backbone.network.blocks:
        block[1] = torch.nn.Identity()
    batches = Batches(
        splits.train,
        pipeline=Pipeline(recipe.augment, splits.preprocessing),
        partner=method.partner,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
    )
    sizes = {"steps": batches.steps, "images": len(splits.train)}
    return TrainState(fabric, method(backbone), recipe, **sizes), batches


def advance(state, batches):
    for _ in range(STEPS):
        state.train_step(batches.epoch(state.epoch))
        if state.step == state.steps:
            state.end_epoch()
    return state


def test_it_holds_the_last_probabilities_of_what_was_seen_and_zeros_else():
    state, batches = build()
    epoch, expected = batches.epoch(0), torch.zeros(50, 10)
    for step in range(2):
        batch = epoch.batch(step)
        with torch.no_grad():
            expected[batch.indices] = state.method.backbone(batch.images).softmax(1)
        state.train_step(epoch)
    torch.testing.assert_close(state.memory.rows.float(), expected, rtol=1e-3, atol=1e-6)
    assert (expected.sum(1) == 0).sum() == 50 - 2 * 16


def test_a_method_of_the_batch_before_gets_what_was_said_there(monkeypatch):
    seen, forward = [], DLB.forward

    def watched(self, images, labels, *, context):
        output = forward(self, images, labels, context=context)
        seen.append((labels, output.logits.detach().log_softmax(1), context))
        return output

    monkeypatch.setattr(DLB, "forward", watched)
    advance(*build(method=DLB))
    assert not seen[0][2].memory.any()
    for (labels, said, _), (_, _, context) in pairwise(seen):
        torch.testing.assert_close(context.memory, said, rtol=1e-3, atol=1e-3)
        assert torch.equal(context.partner_labels, labels)


def test_parts_of_a_batch_are_the_same_memory():
    whole, parts = (advance(*build(words)) for words in ([], ["--accumulation", "4"]))
    torch.testing.assert_close(whole.memory.rows, parts.memory.rows, rtol=2e-3, atol=1e-6)


def share(rank, port, folder):
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0"}
    os.environ |= {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "none"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    torch.save(advance(*build()).memory.rows, folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_share_the_memory_of_one(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(share, (port, tmp_path), nprocs=2)
    one, other = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    torch.testing.assert_close(one, other, rtol=0, atol=0)
    torch.testing.assert_close(one, advance(*build()).memory.rows, rtol=2e-3, atol=1e-6)


@pytest.fixture(scope="module")
def remembering(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "remembering"
    train(parse([*WORDS, *REMEMBERING, "--ema-decay", "0.9", "--out", str(path)]))
    return path


def checkpoint(path):
    return torch.load(max((path / "checkpoints").glob("*.pt")))


def test_a_stopped_run_goes_on_with_what_it_remembers(remembering, tmp_path, monkeypatch):
    def stop(self, epoch, step=TrainState.train_step):
        step(self, epoch)
        if self.steps_done == STEPS:
            os.kill(os.getpid(), signal.SIGTERM)

    words = [*WORDS, *REMEMBERING, "--ema-decay", "0.9", "--out", str(tmp_path)]
    monkeypatch.setattr(TrainState, "train_step", stop)
    with pytest.raises(Stopped):
        train(parse(words))
    monkeypatch.undo()
    train(parse(words))
    one, other = (load_file(p / "model/model.safetensors") for p in (remembering, tmp_path))
    torch.testing.assert_close(one, other, rtol=0, atol=0)
    rows, resumed = (checkpoint(path)["memory"] for path in (remembering, tmp_path))
    torch.testing.assert_close(rows, resumed, rtol=0, atol=0)


def test_the_memory_is_in_the_checkpoint_alone(remembering):
    saved = checkpoint(remembering)
    assert saved["memory"].shape == (50, 10)
    assert saved["memory"].dtype == torch.float16
    assert saved["memory"].any()
    assert all(value.shape != (50, 10) for value in saved["method"].values())
    assert all(value.shape != (50, 10) for value in saved["average"].values())
    assert not (remembering / "attachments").exists()


def test_mixing_is_refused(tmp_path):
    words = [*WORDS, *REMEMBERING, "--mixing", "CutMix", "--out", str(tmp_path)]
    with pytest.raises(ValueError, match=r"PSKD remembers .*, and CutMix shows a mixture of two"):
        train(parse(words))
