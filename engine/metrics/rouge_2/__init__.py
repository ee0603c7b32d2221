"""ROUGE-2."""
