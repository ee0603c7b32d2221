"""F1 score."""
