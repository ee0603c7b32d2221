"""The typical time to a response with several clients."""
