"""Trained networks as files that load without their training."""

from .model_folder import model_files

__all__ = ["model_files"]
