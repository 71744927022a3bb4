"""Runs on disk: their files, written durably and read with suspicion. Imports no torch."""

from .found import runs_in
from .looking import read_checked, read_checked_json
from .reading import Stored, read_json, read_lines, read_summary, read_yaml
from .run_directory import LogLine, RunDirectory

__all__ = [
    "LogLine",
    "RunDirectory",
    "Stored",
    "read_checked",
    "read_checked_json",
    "read_json",
    "read_lines",
    "read_summary",
    "read_yaml",
    "runs_in",
]
