"""Failures that end a command with one line and a documented exit code."""


class Failure(Exception):
    """What went wrong, where, and what to do about it, in one line."""

    exit_code = 1


class UnusableCheckpoint(Failure):
    """No checkpoint of a run can be gone on from: damaged, or another network's."""

    exit_code = 3


class StorageFailure(Failure):
    """Something could not be written or read."""

    exit_code = 4


class Locked(Failure):
    """Another process holds the run directory."""

    exit_code = 5


class NonFinite(Failure):
    """The loss became infinite or not a number."""

    exit_code = 6

    def __init__(self, message: str, report: dict[str, object]) -> None:
        super().__init__(message, report)  # both, so that it survives pickling
        self.report = report

    def __str__(self) -> str:
        return str(self.args[0])


class Stopped(Failure):
    """A signal asked for the end; what was done is saved."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message, signal_number)  # both, so that it survives pickling
        self.exit_code = 128 + signal_number

    def __str__(self) -> str:
        return str(self.args[0])
