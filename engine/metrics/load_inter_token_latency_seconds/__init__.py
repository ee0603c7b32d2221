"""The typical time between tokens with several clients."""
