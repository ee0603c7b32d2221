"""Tokens until the answers part."""
