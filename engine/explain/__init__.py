"""Where in a model the difference to its original arises, and which pass caused it."""
