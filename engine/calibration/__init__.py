"""Texts that passes measure activations on, and how activations are collected."""
