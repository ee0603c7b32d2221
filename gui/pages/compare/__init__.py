"""Compare: what became better, what became worse, and how sure that is."""

from gui.pages.compare.page import ComparePage

__all__ = ["ComparePage"]
