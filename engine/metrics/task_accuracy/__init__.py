"""Questions answered rightly."""
