"""Same first choice."""
