"""What stops the first process stops the others for the same reason."""

import pickle
from unittest.mock import Mock

import pytest
from lightning_fabric import Fabric

from selfdistill.config import parse
from selfdistill.failures import Failure, Locked, StorageFailure
from selfdistill.runs import RunDirectory
from selfdistill.training import train
from selfdistill.training.engine import on_rank_zero


def process(*, is_first, broadcast, count=2):
    fabric = Mock(spec=Fabric, world_size=count)
    fabric.is_global_zero, fabric.broadcast = is_first, broadcast
    return fabric


def fail(error):
    raise error


@pytest.mark.parametrize("error", [Locked("held"), StorageFailure("full"), ValueError("wrong")])
def test_a_failure_reaches_every_process(error):
    sent = []

    def send(came):
        sent.append(pickle.dumps(came))
        return came

    with pytest.raises(type(error), match=str(error)):
        on_rank_zero(process(is_first=True, broadcast=send), lambda: fail(error))
    other = process(is_first=False, broadcast=lambda came: pickle.loads(sent[0]))
    with pytest.raises(type(error), match=str(error)):
        on_rank_zero(other, lambda: fail(AssertionError("only the first does it")))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "out of memory"),
        (RuntimeError("of unforeseen kinds"), "internal error: RuntimeError: of unforeseen kinds"),
    ],
)
def test_an_error_of_any_kind_reaches_every_process_as_one_line(error, said):
    sent = []
    first = process(is_first=True, broadcast=lambda came: sent.append(pickle.dumps(came)) or came)
    with pytest.raises(Failure, match=said) as caught:
        on_rank_zero(first, lambda: fail(error))
    assert caught.value.__cause__ is error
    other = process(is_first=False, broadcast=lambda came: pickle.loads(sent[0]))
    with pytest.raises(Failure, match=said):
        on_rank_zero(other, lambda: fail(AssertionError("only the first does it")))


def test_a_single_process_keeps_its_error():
    alone = process(is_first=True, broadcast=lambda came: came, count=1)
    with pytest.raises(RuntimeError, match="as it is"):
        on_rank_zero(alone, lambda: fail(RuntimeError("as it is")))


def test_so_does_what_it_found():
    assert on_rank_zero(process(is_first=True, broadcast=lambda came: came), lambda: 3) == 3


@pytest.mark.parametrize("kind", [Locked, StorageFailure])
def test_the_first_process_takes_the_run_in_front_of_the_others(words, tmp_path, monkeypatch, kind):
    told, real = [], Fabric.broadcast

    def broadcast(self, came):
        told.append(came)
        return real(self, came)

    monkeypatch.setattr(Fabric, "broadcast", broadcast)
    (tmp_path / "file").touch()
    place = tmp_path / ("file/run" if kind is StorageFailure else "run")
    lock = RunDirectory(tmp_path / "run").lock()
    with pytest.raises(kind):
        train(parse([*words, "--out", str(place)]))
    lock.release()
    assert isinstance(told[-1], kind)
    assert sum(isinstance(came, Exception) for came in told) == 1
