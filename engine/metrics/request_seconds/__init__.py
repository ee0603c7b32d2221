"""Time per request."""
