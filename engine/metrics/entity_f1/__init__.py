"""Entity F1."""
