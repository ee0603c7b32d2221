"""Same first five."""
