"""Correlation with people."""
