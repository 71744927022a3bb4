"""Trained networks as files that load without their training."""

from .model_folder import load_model, save_model

__all__ = ["load_model", "save_model"]
