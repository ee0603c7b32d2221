"""Run: what the engine is doing, how far it is, how long still."""

from gui.pages.run.page import RunPage

__all__ = ["RunPage"]
