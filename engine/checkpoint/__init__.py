"""Checkpoints: Hugging Face folders read, written, fetched and judged."""
