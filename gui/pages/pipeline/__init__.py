"""Pipeline: what will be done to the model, in which order, for which target."""

from gui.pages.pipeline.page import PipelinePage

__all__ = ["PipelinePage"]
