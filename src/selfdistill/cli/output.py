"""Output that may lose its reader without stopping the work."""

import os
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from typing import Protocol, TextIO, cast, runtime_checkable


@runtime_checkable
class Stream(Protocol):
    """What takes text for a file of the system."""

    def write(self, text: str, /) -> int: ...  # noqa: D102
    def flush(self) -> None: ...  # noqa: D102
    def fileno(self) -> int: ...  # noqa: D102


class Output:
    """A stream that falls silent once whoever read it, such as ``head``, has seen enough.

    Args:
        stream: Where text goes until then.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text, or drop it."""
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._fall_silent()
            return len(text)

    def flush(self) -> None:
        """Pass on what was written, or drop it."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._fall_silent()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def _fall_silent(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


def lasting_output(*, out: Stream | None, err: Stream | None) -> ExitStack:
    """Let what is printed go to these streams, where there are such, while somebody reads them."""
    stack = ExitStack()
    for redirect, stream in ((redirect_stdout, out), (redirect_stderr, err)):
        if stream is None:
            continue
        output = cast(TextIO, Output(stream))
        stack.enter_context(redirect(output))
        stack.callback(output.flush)
    return stack
