"""Requests per second."""
