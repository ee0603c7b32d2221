"""Round weights to 8 or 4 bits."""
