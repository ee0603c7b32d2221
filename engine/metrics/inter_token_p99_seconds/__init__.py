"""The slow hundredth of the times between tokens."""
