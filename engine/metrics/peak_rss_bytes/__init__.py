"""Peak memory."""
