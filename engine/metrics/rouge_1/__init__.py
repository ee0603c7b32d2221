"""ROUGE-1."""
