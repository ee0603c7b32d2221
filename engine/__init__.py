"""Hasten's engine: everything that reads, changes, runs and measures a model. No Qt anywhere below."""

__version__ = "0.1.0"
