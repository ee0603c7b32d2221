"""The reference and the script that makes it."""
