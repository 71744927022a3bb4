"""Output streams of every kind."""

import io
import os
import sys
import warnings
from pathlib import Path

import pytest

from selfdistill import cli
from selfdistill.cli.streams import lasting_streams


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8"])
def test_every_command_prints_on_streams_of_any_encoding(monkeypatch, encoding):
    content = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(content, encoding=encoding))
    monkeypatch.setattr(cli, "_command", lambda words: lambda rest: print("α – caf\udce9 日") or 0)
    assert cli.main(["x"]) == 0
    assert b"caf\\xe9" in content.getvalue()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_ends_no_work_but_is_told(monkeypatch, capsys):
    done = []

    def work(words):
        print("x" * 10**5, flush=True)
        print("more", flush=True)
        done.append(True)
        return 0

    monkeypatch.setattr(cli, "_command", lambda words: work)
    with open("/dev/full", "w") as full:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdout", full)
        assert cli.main(["x"]) == 4
        monkeypatch.undo()
    assert done
    assert (
        "standard output could not be written: No space left on device" in capsys.readouterr().err
    )


def test_a_reader_that_went_away_is_no_failure():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone:
        with lasting_streams(out=gone, err=None) as lost:
            print("x", flush=True)
        assert lost == []


def test_an_unforeseen_exception_is_one_line(monkeypatch, capsys):
    def fault(words):
        raise TypeError("a\nb")

    monkeypatch.setattr(cli, "_command", lambda words: fault)
    assert cli.main(["x"]) == 1
    assert capsys.readouterr().err == (
        "selfdistill: internal error: TypeError: a b (--debug shows where; please report it)\n"
    )
    with pytest.raises(TypeError):
        cli.main(["x", "--debug"])


def test_no_warning_ends_a_command(monkeypatch, capsys):
    def warn(words):
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        warnings.warn("mind\nthis", UserWarning, stacklevel=1)
        return 0

    monkeypatch.setattr(cli, "_command", lambda words: warn)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cli.main(["x"]) == 0
        with pytest.raises(UserWarning):
            warnings.warn("x", UserWarning, stacklevel=1)
    assert capsys.readouterr().err == "warning: mind this\n"
