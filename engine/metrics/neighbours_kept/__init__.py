"""Nearest texts kept."""
