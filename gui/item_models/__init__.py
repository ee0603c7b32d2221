"""Qt models over the engine's data."""
