"""What ends a command, as one line and a code."""

import errno

import pytest

from selfdistill.failures import Failure, Locked, Stopped, ending


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (Locked("in use"), 5, "in use"),
        (Stopped("stopped", 15), 143, "stopped"),
        (ValueError("no"), 2, "no"),
        (Failure(), 1, ""),
        (MemoryError(), 1, "out of memory: choose a smaller batch, network or image size"),
        (
            RuntimeError(
                "DefaultCPUAllocator: can't allocate memory: you tried to allocate 123 bytes. …"
            ),
            1,
            "out of memory (123 bytes more were needed): ",
        ),
        (
            RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
            1,
            "out of memory (2.00 GiB",
        ),
        (ImportError("libx.so: failed to map segment from shared object"), 1, "out of memory: "),
        (RuntimeError("can't start new thread"), 1, "the system starts no further thread"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), 1, "the system starts"),
        (PermissionError(errno.EACCES, "Permission denied", "a/b"), 4, "a/b: Permission denied"),
        (OSError(errno.ENOSPC, "No space left on device"), 4, "No space left on device"),
        (
            OSError(errno.ENAMETOOLONG, "File name too long", "long"),
            4,
            "the name long is too long for this file system: choose a shorter one",
        ),
        (TypeError("x"), 1, "internal error: TypeError: x (--debug shows where; please report it)"),
        (KeyError("k"), 1, "internal error: KeyError: 'k' (--debug"),
    ],
)
def test_the_code_and_the_message(error, code, text):
    found, message = ending(error)
    assert found == code
    assert message.startswith(text)
