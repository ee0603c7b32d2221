"""Squared error of logits."""
