"""Start: which model?"""

from gui.pages.start.page import StartPage

__all__ = ["StartPage"]
