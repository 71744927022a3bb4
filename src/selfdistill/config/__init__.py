"""Configuration: from words, files and Python objects to what a run is made of."""

from .class_paths import own_code, refuse_own_code
from .parser import Settings, as_today, fingerprint, parse

__all__ = ["Settings", "as_today", "fingerprint", "own_code", "parse", "refuse_own_code"]
