"""Runs on disk: their files, written durably and read with suspicion. Imports no torch."""

from .contents import (
    BEST_MODEL,
    CHECKPOINT_NAME,
    FIRST_SAVE,
    RECIPE,
    SCORED_SPLITS,
    SPLITS,
    SUMMARY,
    SUMMARY_FORMAT,
    TEST_FILES,
    is_run,
    runs_in,
)
from .differences import Fields, Scalar, changed_files, flatten, recipe_differences
from .directory import LogLine, RunDirectory, log_line
from .reading import (
    parse_json,
    parse_yaml,
    read_bytes,
    read_json,
    read_lines,
    read_text,
    read_yaml,
)
from .stored import Stored
from .summary import (
    HASH_PREFIX,
    read_checked,
    read_checked_json,
    read_summary,
    recorded_code,
    summary_file,
)
from .writing import UNFINISHED_NAME, replace_file, sha256, storage_failure, write_json

__all__ = [
    "BEST_MODEL",
    "CHECKPOINT_NAME",
    "FIRST_SAVE",
    "HASH_PREFIX",
    "RECIPE",
    "SCORED_SPLITS",
    "SPLITS",
    "SUMMARY",
    "SUMMARY_FORMAT",
    "TEST_FILES",
    "UNFINISHED_NAME",
    "Fields",
    "LogLine",
    "RunDirectory",
    "Scalar",
    "Stored",
    "changed_files",
    "flatten",
    "is_run",
    "log_line",
    "parse_json",
    "parse_yaml",
    "read_bytes",
    "read_checked",
    "read_checked_json",
    "read_json",
    "read_lines",
    "read_summary",
    "read_text",
    "read_yaml",
    "recipe_differences",
    "recorded_code",
    "replace_file",
    "runs_in",
    "sha256",
    "storage_failure",
    "summary_file",
    "write_json",
]
