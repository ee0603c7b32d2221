"""Tokenizers and whole characters."""
