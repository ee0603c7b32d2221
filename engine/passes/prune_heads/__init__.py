"""Remove attention heads."""
