"""Time to first token."""
