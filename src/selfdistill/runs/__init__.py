"""Runs on disk: their files, written durably and read with suspicion. Imports no torch."""

from .reading import Stored, read_json, read_lines, read_yaml
from .run_directory import LogLine, RunDirectory

__all__ = ["LogLine", "RunDirectory", "Stored", "read_json", "read_lines", "read_yaml"]
