"""Word error rate."""
