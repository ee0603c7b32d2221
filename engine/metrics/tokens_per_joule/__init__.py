"""Tokens that a joule buys."""
