"""Tag accuracy."""
