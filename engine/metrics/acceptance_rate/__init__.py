"""Share of guessed tokens that were right."""
