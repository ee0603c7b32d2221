"""Checkpoint: what is this model, and where does its time go?"""

from gui.pages.checkpoint.page import CheckpointPage

__all__ = ["CheckpointPage"]
