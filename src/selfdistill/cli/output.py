"""Output that may lose its reader, and takes any text, without stopping the work."""

import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import Protocol, TextIO, cast, runtime_checkable

from ..terminal import encodable, shown


@runtime_checkable
class Stream(Protocol):
    """What takes text for a file of the system."""

    def write(self, text: str, /) -> int: ...
    def flush(self) -> None: ...
    def fileno(self) -> int: ...


class Output:
    """A stream that falls silent once nobody takes what is written.

    That is so when a reader such as ``head`` has seen enough, and when the disk is full.

    Args:
        stream: Where text goes until then.
        lost: Is told why text was lost, unless its reader went away.
        filtered: Whether control characters are shown instead of obeyed.
    """

    def __init__(self, stream: Stream, lost: list[str], *, filtered: bool = True) -> None:
        self._stream = stream
        self._lost = lost
        self._filtered = filtered

    @property
    def unfiltered(self) -> "Output":
        """The same stream, for a console that sends control codes of its own."""
        return Output(self._stream, self._lost, filtered=False)

    def write(self, text: str) -> int:
        """Write text, or drop it."""
        text = encodable(text, getattr(self._stream, "encoding", None))
        try:
            self._stream.write(shown(text) if self._filtered else text)
        except OSError as error:
            self._fall_silent(error)
        return len(text)

    def flush(self) -> None:
        """Pass on what was written, or drop it."""
        try:
            self._stream.flush()
        except OSError as error:
            self._fall_silent(error)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def _fall_silent(self, error: OSError) -> None:
        if not isinstance(error, BrokenPipeError):
            self._lost.append(error.strerror or str(error))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


@contextmanager
def lasting_output(*, out: Stream | None, err: Stream | None) -> Generator[list[str]]:
    """Let what is printed go to these streams, where there are such, while somebody takes it.

    Yields:
        Why text for ``out`` was lost; empty while it was not.
    """
    lost: list[str] = []
    with ExitStack() as stack:
        for redirect, stream, reasons in (
            (redirect_stdout, out, lost),
            (redirect_stderr, err, []),
        ):
            if stream is None:
                continue
            output = cast(TextIO, Output(stream, reasons))
            stack.enter_context(redirect(output))
            stack.callback(output.flush)
        yield lost
