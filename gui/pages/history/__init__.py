"""History: every run, what it gained, what it came from."""

from gui.pages.history.page import HistoryPage

__all__ = ["HistoryPage"]
