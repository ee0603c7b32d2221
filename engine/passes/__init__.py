"""Passes: each changes a checkpoint into another. One folder and one line in the catalogue adds a pass."""
