"""Drop whole layers."""
