"""Peak GPU memory."""
