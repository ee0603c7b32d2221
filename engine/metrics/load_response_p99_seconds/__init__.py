"""The slow hundredth of the times to a response with several clients."""
