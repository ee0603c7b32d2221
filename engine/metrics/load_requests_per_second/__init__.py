"""Requests per second with several clients."""
