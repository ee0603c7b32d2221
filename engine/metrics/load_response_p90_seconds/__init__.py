"""The slow tenth of the times to a response with several clients."""
