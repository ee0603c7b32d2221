"""Embedding agreement."""
