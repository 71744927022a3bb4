"""Standard output and error that outlive their reader, and take any text."""

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


class LastingStream:
    """A stream that falls silent when its reader is gone, as with ``| head``, or its disk full.

    Args:
        stream: Where text goes until then.
        lost: Takes the reason why text was lost, unless its reader went away.
        filtered: Whether control characters are shown instead of obeyed.
    """

    def __init__(self, stream: Stream, lost: list[str], *, filtered: bool = True) -> None:
        self._stream = stream
        self._lost = lost
        self._filtered = filtered

    @property
    def unfiltered(self) -> "LastingStream":
        """The same stream, for a console that sends control codes of its own."""
        return LastingStream(self._stream, self._lost, filtered=False)

    def write(self, text: str) -> int:
        text = encodable(text, getattr(self._stream, "encoding", None))
        try:
            self._stream.write(shown(text) if self._filtered else text)
        except OSError as error:
            self._fall_silent(error)
        return len(text)

    def flush(self) -> None:
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
        os.dup2(nowhere, self._stream.fileno())  # what is buffered must go somewhere at exit
        os.close(nowhere)


@contextmanager
def lasting_streams(out: Stream | None, err: Stream | None) -> Generator[list[str]]:
    """Print to these streams, where there are such, as long as they can be written.

    Yields:
        Why text for ``out`` was lost; empty while none was.
    """
    lost: list[str] = []
    with ExitStack() as stack:
        streams = ((redirect_stdout, out, lost), (redirect_stderr, err, list[str]()))
        for redirect, stream, reasons in streams:
            if stream is not None:
                lasting = LastingStream(stream, reasons)
                stack.enter_context(redirect(cast(TextIO, lasting)))
                stack.callback(lasting.flush)
        yield lost
