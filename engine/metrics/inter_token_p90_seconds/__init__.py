"""The slow tenth of the times between tokens."""
