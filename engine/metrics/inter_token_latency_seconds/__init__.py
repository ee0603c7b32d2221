"""Time between tokens."""
